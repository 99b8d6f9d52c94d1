-- Runs of the partitions {partitions} that are not over and bring a stalled threshold of their own.
SELECT run_id, tupleElement(own, 'stalled_ms') AS stalled_ms
FROM (SELECT run_id, own, completed FROM runs FINAL WHERE partition IN {partitions:Array(UInt32)})
WHERE completed.hash = 0 AND stalled_ms > 0
