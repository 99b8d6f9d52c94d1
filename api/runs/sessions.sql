{% from "schemas/macros/runs.sql" import cycle_place, cycles_of, run_rows %}
-- The position of each of the runs {run_ids} among the cycles of its session; {session_ids} are their sessions.
-- The ids are found in single rows first, whatever part said it, since merging all runs would take far longer; then merged.
{% set candidates %}
run_id IN (
        SELECT run_id FROM runs
        WHERE tupleElement(facts, 'session_id') IN {session_ids:Array(String)}
            OR tupleElement(created, 'session_id') IN {session_ids:Array(String)})
{%- endset %}
SELECT run_id, cycle
FROM
(
    SELECT run_id, row_number() OVER (PARTITION BY {{ cycles_of }} ORDER BY {{ cycle_place }}) AS cycle
    FROM {{ run_rows(candidates) }}
    WHERE session_id IN {session_ids:Array(String)}
)
WHERE run_id IN {run_ids:Array(String)}
