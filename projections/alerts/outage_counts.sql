-- The outage counts of each partition at each of {times} (append time, ms): `at` its first round that is not earlier, and `near` it its
-- first that is not earlier by more than {within} ms. No row for a partition that has no such round yet. Repeated rows of a round
-- are alike, so no FINAL is needed.
SELECT
    arrayJoin({times:Array(Int64)}) AS time,
    partition,
    argMin((live, fallen, suspects), offset) AS near,
    argMinIf((live, fallen, suspects), offset, toUnixTimestamp64Milli(appended_at) >= time) AS at
FROM clocks
WHERE appended_at >= fromUnixTimestamp64Milli(arrayMin({times:Array(Int64)}) - {within:Int64}, 'UTC')
    AND toUnixTimestamp64Milli(appended_at) >= time - {within:Int64}
GROUP BY time, partition
