{% from "schemas/macros/runs.sql" import run_statuses %}
-- How many runs that are not over have each status, none that is hidden: a gauge that somebody is called for.
SELECT status, count() AS runs
FROM {{ run_statuses(live=true) }}
WHERE NOT hidden
GROUP BY status
