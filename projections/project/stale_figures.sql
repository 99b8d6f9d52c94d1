-- At most {most} runs of the partitions {partitions} whose figures, or rows of the list, are behind what was inserted (a refresh was put
-- off, or the projector stopped between insert and refresh), or priced by a book before {price_version}. Live runs come first.
SELECT r.run_id AS run_id, r.partition AS partition, r.offset AS offset, l.tasks AS tasks
FROM
(
    SELECT run_id, partition, offset, tupleElement(completed, 'hash') > 0 AS ended
    FROM runs FINAL
    WHERE partition IN {partitions:Array(UInt32)}
) AS r
LEFT ANY JOIN (SELECT run_id, version, tasks FROM run_list FINAL) AS l ON r.run_id = l.run_id
WHERE l.version < bitShiftLeft(toUInt256(greatest(r.offset, 0)), 128) + bitShiftLeft(toUInt256(greatest(r.offset, 0)), 64)
    OR bitAnd(l.version, toUInt256(4294967295)) < {price_version:UInt64}
ORDER BY r.ended, run_id
LIMIT {most:Int64}
