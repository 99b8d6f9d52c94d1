-- Deletions that are not done, the oldest first; {most} at most.
SELECT
    run_id, job_id,
    requested.uri AS uri,
    progress.deleted AS deleted,
    progress.bytes AS bytes
FROM (SELECT * FROM output_deletions FINAL)
WHERE requested.offset != 0 AND progress.state NOT IN ('succeeded', 'failed')
ORDER BY requested.offset, run_id, job_id
LIMIT {most:UInt32}
