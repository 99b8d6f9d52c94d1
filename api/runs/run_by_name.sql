{% from "schemas/macros/runs.sql" import run_rows %}
-- The {limit} newest runs of a name, latest first append first, then by id. Found in single rows first, as in sessions.sql.
{% set candidates %}
run_id IN (
        SELECT run_id FROM runs
        WHERE tupleElement(facts, 'name') = {name:String} OR tupleElement(created, 'name') = {name:String})
{%- endset %}
SELECT run_id, first_ms
FROM {{ run_rows(candidates) }}
WHERE name = {name:String}
ORDER BY first_ms DESC, run_id DESC
LIMIT {limit:UInt32}
