{% from "schemas/macros/runs.sql" import cycle_place, cycles_of, run_statuses %}
-- Runs that need attention, latest first append first: disconnected or stalled, or failed since {since_ms} (by the log's clock)
-- without a later cycle of the same session, as far as that is live or was heard since too. None that is hidden.
SELECT run_id, if(status = 'failed', '', session_id) AS silent_session
FROM
(
    SELECT
        run_id, status, hidden, first_ms, session_id,
        seen.appended AS ended_ms,
        {{ cycle_place }} AS place,
        max({{ cycle_place }}) OVER (PARTITION BY {{ cycles_of }}, if(session_id = '', run_id, '')) AS last_place
    FROM {{ run_statuses(over_since="{since_ms:Int64}") }}
)
WHERE NOT hidden
    AND (status IN ('disconnected', 'stalled') OR (status = 'failed' AND ended_ms >= {since_ms:Int64}))
    AND place = last_place
ORDER BY first_ms DESC, run_id DESC
LIMIT {limit:UInt32}
