-- Ticks of a partition after its last round and before an offset: what the clock had heard when the projector stopped.
SELECT type, offset, source, interval_ms, toUnixTimestamp64Milli(appended_at) AS appended_at
FROM events FINAL
WHERE partition = {partition:UInt32} AND type IN ('clock.tick', 'clock.left') AND offset > {after:Int64} AND offset < {before:Int64}
ORDER BY offset
