{% from "schemas/macros/run_filter.sql" import matches_filter with context %}
{% from "schemas/macros/runs.sql" import run_statuses %}
-- How many runs the filter lets through have each status; {statuses} is empty, so that each is counted. A run that is over has the status
-- that its end reported; only those of the others, which are few, are judged.
SELECT if(over, state, judged.judged_status) AS status, count() AS runs
FROM run_list FINAL
LEFT ANY JOIN (SELECT run_id AS judged_run_id, status AS judged_status FROM {{ run_statuses(live=true) }}) AS judged
    ON run_id = judged_run_id
WHERE {{ matches_filter }}
GROUP BY status
