-- When each process of a run was at work, as the newest refresh wrote it: first submission to last completion (ms).
SELECT
    process,
    toUnixTimestamp64Milli(first_submitted_at) AS first_ms,
    toUnixTimestamp64Milli(last_completed_at) AS last_ms
FROM run_processes FINAL
WHERE run_id = {run_id:String}
    AND version = (SELECT max(version) FROM run_processes WHERE run_id = {run_id:String})
    AND isNotNull(first_submitted_at)
ORDER BY first_ms, process
