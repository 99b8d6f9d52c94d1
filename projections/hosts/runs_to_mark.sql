-- Runs that had attempts on one of the hosts {hostnames} after the time {from_ms} of the same place, with the next mark of each.
SELECT n.run_id AS run_id, toUInt32(any(m.mark) + 1) AS mark
FROM
(
    SELECT DISTINCT run_id
    FROM tasks
    WHERE hostname IN {hostnames:Array(String)}
        AND ifNull(toUnixTimestamp64Milli(completed_at), 10413791999999)
            > transform(ifNull(toString(hostname), ''), {hostnames:Array(String)}, {from_ms:Array(Int64)}, toInt64(0))
) AS n
LEFT ANY JOIN (SELECT run_id, mark FROM host_marks FINAL) AS m ON n.run_id = m.run_id
GROUP BY n.run_id
