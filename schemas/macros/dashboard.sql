{# Runs that are over with what they left, as the page for cleaning up shows them. #}
{% from "schemas/macros/runs.sql" import run_rows %}

{# A row a run that is over, of those that the filter takes; of `run_list`, which is narrow.

   person      whose the run is: its owner, or of a run of nobody whom its runner names; '' takes everybody's
   names       if there are any: these runs, by id or name (which means its newest run), whatever the other conditions say
   after_ms, states, label, search, larger_than (bytes)     the filter; the folder and the project that a run told stand in its
               wide row, which is read only where there is something to search for

   size        what the newest look found; 0 once it was deleted, -1 where it is not known. on_s3: whether that costs money. #}
{% macro ended_runs() %}
(
SELECT *
FROM
(
    SELECT
        *,
        if(owner != '', owner, user_name) AS person,
        ifNull(start_ms, first_ms) AS placed_ms
    FROM run_list FINAL
    WHERE empty({names:Array(String)}) OR run_id IN {names:Array(String)} OR name IN {names:Array(String)}
    ORDER BY first_ms DESC, run_id DESC
    LIMIT if(empty({names:Array(String)}), 18446744073709551615, 1) BY if(empty({names:Array(String)}) OR run_id IN {names:Array(String)}, run_id, name)
) AS run
LEFT ANY JOIN
(
    SELECT
        f.run_id AS folder_run_id,
        f.uri AS folder_uri,
        startsWith(f.uri, 's3://') AS on_s3,
        d.run_id != '' AS deleted,
        multiIf(deleted, 0, f.listing = 0, -1, f.bytes) AS size,
        multiIf(deleted OR f.listing = 0, 0, f.files) AS file_count,
        1 AS known_folder
    FROM
    (
        SELECT
            run_id, complete.listing AS listing, complete.bytes AS bytes, complete.files AS files,
            if(complete.uri != '', complete.uri, attempt.uri) AS uri
        FROM (SELECT run_id, complete, attempt FROM output_folders FINAL)
    ) AS f
    LEFT ANY JOIN
    (
        SELECT run_id FROM (SELECT run_id, progress FROM output_deletions FINAL) WHERE progress.state = 'succeeded'
    ) AS d ON f.run_id = d.run_id
) AS folder ON run.run_id = folder.folder_run_id
WHERE over
    AND (notEmpty({names:Array(String)}) OR (
        NOT hidden
        AND placed_ms >= {after_ms:Int64}
        AND ({person:String} = '' OR person = {person:String})
        AND state IN {states:Array(String)}
        AND ({label:String} = '' OR has(labels, {label:String}))
        AND ({larger_than:Int64} = 0 OR (known_folder = 1 AND size > {larger_than:Int64}))
        AND (
            {search:String} = ''
            OR positionCaseInsensitiveUTF8(
                concat(name, '\n', folder_uri, '\n', arrayStringConcat(labels, '\n')), {search:String}) > 0
            OR run_id IN (
                SELECT run_id
                FROM {{ run_rows("{search:String} != ''") }}
                WHERE positionCaseInsensitiveUTF8(concat(facts.output_dir, '\n', project_name), {search:String}) > 0))))
)
{% endmacro %}
