-- At most {most} runs of the partitions {partitions} whose figures are behind what was inserted (a refresh was put off, or the
-- projector stopped between insert and refresh), or priced by a book before {price_version}. Live runs come first.
SELECT r.run_id AS run_id, r.partition AS partition, r.offset AS offset, f.tasks AS tasks
FROM
(
    SELECT run_id, partition, offset, tupleElement(completed, 'hash') > 0 AS ended
    FROM runs FINAL
    WHERE partition IN {partitions:Array(UInt32)}
) AS r
LEFT ANY JOIN (SELECT run_id, version, tasks FROM run_figures FINAL) AS f ON r.run_id = f.run_id
WHERE f.version < bitShiftLeft(toUInt128(r.offset), 64) + {price_version:UInt64}
ORDER BY r.ended, run_id
LIMIT {most:Int64}
