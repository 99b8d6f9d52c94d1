-- Deletions, newest first, {limit} at most: of the run {run_id}, of the id {job_id}, in one of {states}, asked for by {by} (empty: any), since
-- {since_ms}. `known`: versions of files that the newest look at the folder counted.
SELECT
    d.run_id AS run_id, job_id,
    r.name AS run_name,
    requested.by AS by,
    requested.at_ms AS requested_ms,
    requested.uri AS uri,
    if(progress.state = '', 'queued', progress.state) AS state,
    progress.at_ms AS told_ms,
    progress.deleted AS deleted,
    progress.bytes AS bytes,
    progress.kept AS kept,
    progress.message AS message,
    f.known AS known
FROM
(
    SELECT * FROM output_deletions FINAL
    WHERE ({run_id:String} = '' OR run_id = {run_id:String}) AND ({job_id:String} = '' OR job_id = {job_id:String})
) AS d
LEFT ANY JOIN
(
    SELECT run_id, complete.files + greatest(complete.noncurrent_files, 0) AS known
    FROM (SELECT run_id, complete FROM output_folders FINAL WHERE run_id IN (SELECT run_id FROM output_deletions))
) AS f ON d.run_id = f.run_id
LEFT ANY JOIN (SELECT run_id, facts.name AS name FROM (SELECT run_id, facts FROM runs FINAL WHERE run_id IN (SELECT run_id FROM output_deletions))) AS r ON d.run_id = r.run_id
WHERE requested.offset != 0
    AND (empty({states:Array(String)}) OR state IN {states:Array(String)})
    AND ({by:String} = '' OR requested.by = {by:String})
    AND requested.at_ms >= {since_ms:Int64}
ORDER BY requested.at_ms DESC, job_id
LIMIT {limit:UInt32}
