{% from "schemas/macros/runs.sql" import run_rows %}
-- The runs of the sessions {session_ids}, oldest first within each workspace and session, with their position there.
-- The ids are found in single rows first, whatever part said it, since merging all runs would take far longer; then merged.
{% set candidates %}
run_id IN (
        SELECT run_id FROM runs
        WHERE tupleElement(facts, 'session_id') IN {session_ids:Array(String)}
            OR tupleElement(created, 'session_id') IN {session_ids:Array(String)})
{%- endset %}
SELECT
    run_id, workspace, session_id,
    row_number() OVER (PARTITION BY workspace, session_id ORDER BY first_ms, run_id) AS cycle
FROM {{ run_rows(candidates) }}
WHERE session_id IN {session_ids:Array(String)}
ORDER BY workspace, session_id, cycle
