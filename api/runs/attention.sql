{% from "schemas/macros/runs.sql" import run_statuses %}
-- Runs that need attention, latest first append first: disconnected or stalled, or failed since {since_ms} (by the log's clock)
-- without a newer run of the same session, as far as that is live or was heard since too. None that is hidden.
SELECT run_id
FROM
(
    SELECT
        run_id, status, hidden, first_ms,
        seen.appended AS ended_ms,
        max(first_ms) OVER (PARTITION BY workspace, if(session_id = '', run_id, session_id)) AS newest_ms
    FROM {{ run_statuses(over_since="{since_ms:Int64}") }}
)
WHERE NOT hidden
    AND (status IN ('disconnected', 'stalled') OR (status = 'failed' AND ended_ms >= {since_ms:Int64} AND first_ms >= newest_ms))
ORDER BY first_ms DESC, run_id DESC
LIMIT {limit:UInt32}
