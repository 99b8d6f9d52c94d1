-- Runs whose status at a round differs from their last transition. {partitions}, {offsets}, {clocks}: the rounds, one a
-- partition, by the offset of the tick that completed it. What it gives counts only if, asked afterwards, swept.sql does not name
-- the partition: else messages from after the round may have been read.
WITH
    last AS
    (
        SELECT run_id, argMax(to_status, offset) AS status
        FROM transitions
        WHERE partition IN {partitions:Array(UInt32)}
        GROUP BY run_id
    )
SELECT
    s.run_id AS run_id,
    s.partition AS partition,
    s.clock_ms AS observed_ms,
    last.status AS from_status,
    s.status AS to_status,
    s.reason AS reason
FROM run_statuses(
    clock_partitions = {partitions:Array(UInt32)}, clock_times = {clocks:Array(Int64)}, behind = [],
    disconnected_ms = {disconnected_ms:Int64}, stalled_ms = {stalled_ms:Int64},
    run_ids = CAST([], 'Array(String)'), over_since = 0) AS s
LEFT ANY JOIN last ON s.run_id = last.run_id
WHERE s.partition IN {partitions:Array(UInt32)}
    AND s.status != last.status
ORDER BY run_id
