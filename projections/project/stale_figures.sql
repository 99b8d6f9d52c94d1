-- Runs of the partitions {partitions} whose figures are behind what was inserted, or priced by another book: a refresh
-- was put off, or the projector stopped between insert and refresh.
SELECT r.run_id AS run_id, r.partition AS partition, r.offset AS offset
FROM (SELECT run_id, partition, offset FROM runs FINAL WHERE partition IN {partitions:Array(UInt32)}) AS r
LEFT ANY JOIN (SELECT run_id, version FROM run_figures FINAL) AS f ON r.run_id = f.run_id
WHERE f.version < bitShiftLeft(toUInt128(r.offset), 64) + {price_version:UInt64}
ORDER BY run_id
