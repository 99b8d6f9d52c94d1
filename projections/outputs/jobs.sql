{% from "schemas/macros/outputs.sql" import run_partition %}
-- Deletions that are not done, the oldest first; {most} at most; of runs of the partitions {own} of {partitions}.
SELECT
    run_id, job_id,
    {{ run_partition("run_id") }} AS partition,
    requested.uri AS uri,
    progress.deleted AS deleted,
    progress.bytes AS bytes
FROM (SELECT * FROM output_deletions FINAL)
WHERE requested.offset != 0 AND progress.state NOT IN ('succeeded', 'failed') AND has({own:Array(UInt32)}, partition)
ORDER BY requested.offset, run_id, job_id
LIMIT {most:UInt32}
