-- Runs of the partitions {partitions} whose figures do not count their newest mark: of {run_ids}, or of all for an empty list.
SELECT r.run_id AS run_id, r.partition AS partition, r.offset AS offset, f.tasks AS tasks
FROM
(
    SELECT run_id, mark FROM host_marks FINAL WHERE empty({run_ids:Array(String)}) OR run_id IN {run_ids:Array(String)}
) AS m
INNER JOIN
(
    SELECT run_id, partition, offset
    FROM runs FINAL
    WHERE partition IN {partitions:Array(UInt32)} AND run_id IN (
        SELECT run_id FROM host_marks WHERE empty({run_ids:Array(String)}) OR run_id IN {run_ids:Array(String)})
) AS r ON m.run_id = r.run_id
LEFT ANY JOIN
(
    SELECT run_id, version, tasks
    FROM run_figures FINAL
    WHERE run_id IN (SELECT run_id FROM host_marks WHERE empty({run_ids:Array(String)}) OR run_id IN {run_ids:Array(String)})
) AS f ON r.run_id = f.run_id
WHERE bitAnd(bitShiftRight(f.version, 32), 4294967295) < m.mark
ORDER BY run_id
