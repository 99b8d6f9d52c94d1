{% from "schemas/macros/runs.sql" import run_statuses %}
-- How many runs have each status, of those that are not over, and of those that were heard of since {since_ms};
-- none that is hidden.
SELECT status, count() AS runs
FROM {{ run_statuses(over_since="{since_ms:Int64}") }}
WHERE NOT hidden
GROUP BY status
ORDER BY status
