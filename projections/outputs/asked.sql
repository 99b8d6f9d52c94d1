{% from "schemas/macros/outputs.sql" import run_partition %}
-- Runs whose output folder a person wants to be looked at again, {most} at most; of the partitions {own} of {partitions}.
SELECT run_id, {{ run_partition("run_id") }} AS partition
FROM (SELECT run_id, requested, attempt FROM output_folders FINAL)
WHERE requested.offset > attempt.answers AND has({own:Array(UInt32)}, partition)
ORDER BY requested.offset, run_id
LIMIT {most:UInt32}
