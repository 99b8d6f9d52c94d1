{% from "schemas/macros/runs.sql" import cycle_place, cycles_of, run_rows %}
-- The position of each of the runs {run_ids} among the cycles of its session; {session_ids} are their sessions.
-- The ids are found in the list of runs, by its index, since reading the sessions of all runs would take far longer.
{% set candidates = "run_id IN (SELECT run_id FROM run_list WHERE session_id IN {session_ids:Array(String)})" %}
SELECT run_id, cycle
FROM
(
    SELECT run_id, row_number() OVER (PARTITION BY {{ cycles_of }} ORDER BY {{ cycle_place }}) AS cycle
    FROM {{ run_rows(candidates) }}
    WHERE session_id IN {session_ids:Array(String)}
)
WHERE run_id IN {run_ids:Array(String)}
