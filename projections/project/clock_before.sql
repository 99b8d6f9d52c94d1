-- The last round of a partition before an offset: where a projector that starts at the offset takes the clock up.
SELECT offset, toUnixTimestamp64Milli(appended_at) AS appended_at, clock_ms, interval_ms, processes
FROM clocks FINAL
WHERE partition = {partition:UInt32} AND offset < {offset:Int64}
ORDER BY offset DESC
LIMIT 1
