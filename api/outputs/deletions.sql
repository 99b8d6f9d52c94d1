-- The deletions of the run {run_id} (all runs, if it is empty), or the one of the id {job_id} (any, if it is empty), newest first; {limit} at most.
SELECT
    run_id, job_id,
    requested.by AS by,
    requested.at_ms AS requested_ms,
    requested.uri AS uri,
    if(progress.state = '', 'waiting', progress.state) AS state,
    progress.at_ms AS told_ms,
    progress.deleted AS deleted,
    progress.bytes AS bytes,
    progress.kept AS kept,
    progress.message AS message
FROM (SELECT * FROM output_deletions FINAL)
WHERE requested.offset != 0
    AND ({run_id:String} = '' OR run_id = {run_id:String})
    AND ({job_id:String} = '' OR job_id = {job_id:String})
ORDER BY requested.at_ms DESC, job_id
LIMIT {limit:UInt32}
