-- Runs that need somebody, latest first append first: disconnected or stalled, or failed since {since_ms} (by the log's clock)
-- without a newer run of the same session, as far as that is live or was heard since too. None that is hidden.
SELECT run_id
FROM
(
    SELECT
        run_id,
        status,
        hiding.hidden AS told_hidden,
        if(facts.session_id != '', facts.session_id, created.session_id) AS session,
        seen.appended AS ended_ms,
        ifNull(toUnixTimestamp64Milli(first_appended_at), 0) AS first_ms,
        max(first_ms) OVER (PARTITION BY workspace, if(session = '', run_id, session)) AS newest_ms
    FROM run_statuses(
        clock_partitions = {clock_partitions:Array(UInt32)}, clock_times = {clock_times:Array(Int64)},
        behind = {behind:Array(UInt32)}, disconnected_ms = {disconnected_ms:Int64}, stalled_ms = {stalled_ms:Int64},
        run_ids = CAST([], 'Array(String)'), over_since = {since_ms:Int64})
)
WHERE NOT told_hidden
    AND (status IN ('disconnected', 'stalled') OR (status = 'failed' AND ended_ms >= {since_ms:Int64} AND first_ms >= newest_ms))
ORDER BY first_ms DESC, run_id DESC
LIMIT {limit:UInt32}
