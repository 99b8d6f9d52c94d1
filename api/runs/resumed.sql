{% from "schemas/macros/runs.sql" import cycle_place, cycles_of, run_rows %}
-- Which of the runs {run_ids}, of the sessions {session_ids}, have a later cycle, whatever became of it. Found as in sessions.sql.
{% set candidates = "run_id IN (SELECT run_id FROM run_list WHERE session_id IN {session_ids:Array(String)})" %}
SELECT run_id
FROM
(
    SELECT
        run_id,
        {{ cycle_place }} AS place,
        max({{ cycle_place }}) OVER (PARTITION BY {{ cycles_of }}) AS last_place
    FROM {{ run_rows(candidates) }}
    WHERE session_id IN {session_ids:Array(String)}
)
WHERE run_id IN {run_ids:Array(String)} AND place < last_place
