{% from "schemas/macros/run_filter.sql" import matches_filter, searched %}
{% from "schemas/macros/runs.sql" import run_rows, run_statuses %}
-- How many runs the filter lets through have each status; {statuses} is empty, so that each is counted. A run that is over has the status
-- that its end reported; only those of the others, which are few, are judged.
SELECT if(over, completed.state, live.judged) AS status, count() AS runs
FROM
(
    SELECT *, {{ searched }} AS searched, ifNull(start_ms, first_ms) AS placed_ms
    FROM {{ run_rows() }}
) AS run
LEFT ANY JOIN
(
    SELECT run_id AS live_run_id, status AS judged FROM {{ run_statuses(over_since="9223372036854775807") }}
) AS live ON run_id = live_run_id
WHERE {{ matches_filter }}
GROUP BY status
