{% from "schemas/macros/runs.sql" import run_rows %}
-- The {limit} newest runs of a name, and of those that `tracker run` started under it, latest first append first, then by id. Found in
-- single rows first, as in sessions.sql.
{% set candidates %}
run_id IN (
        SELECT run_id FROM runs
        WHERE tupleElement(facts, 'name') = {name:String} OR tupleElement(created, 'name') = {name:String}
            OR launched_as = {name:String})
{%- endset %}
SELECT run_id, name, first_ms
FROM {{ run_rows(candidates) }}
WHERE name = {name:String} OR launched_as = {name:String}
ORDER BY first_ms DESC, run_id DESC
LIMIT {limit:UInt32}
