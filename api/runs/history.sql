{% from "schemas/macros/runs.sql" import cycle_place, run_rows %}
-- The newest {limit} cycles of one session, newest first, each with its position among all of them. Found as in sessions.sql.
{% set candidates = "run_id IN (SELECT run_id FROM run_list WHERE session_id = {session_id:String})" %}
SELECT run_id, row_number() OVER (ORDER BY {{ cycle_place }}) AS cycle
FROM {{ run_rows(candidates) }}
WHERE session_id = {session_id:String} AND workspace = {workspace:String} AND owner = {owner:String}
ORDER BY cycle DESC
LIMIT {limit:UInt32}
