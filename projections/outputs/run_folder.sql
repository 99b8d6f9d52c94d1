{% from "schemas/macros/runs.sql" import run_rows %}
-- Where the run {run_id} says that its results go, and how far the looks at it came.
SELECT
    r.facts.output_dir AS output_dir,
    r.facts.launch_dir AS launch_dir,
    r.fact_texts.params AS params,
    f.requested.offset AS requested,
    f.attempt.listing AS attempted,
    f.attempt.state AS state,
    f.progress.listing AS listing,
    f.progress.part AS part,
    f.progress.last_key AS last_key,
    f.progress.files AS files,
    f.progress.bytes AS bytes,
    f.progress.classes AS classes
FROM {{ run_rows("run_id = {run_id:String}") }} AS r
LEFT JOIN (SELECT * FROM output_folders FINAL WHERE run_id = {run_id:String}) AS f ON r.run_id = f.run_id
