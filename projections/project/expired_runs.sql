-- Runs of {partitions}, all for an empty list, that are over and were last heard before {before} (ms, by the log's clock): at most
-- {most}, those heard longest ago first.
SELECT run_id
FROM (SELECT run_id, partition, completed, seen FROM runs FINAL)
WHERE (empty({partitions:Array(UInt32)}) OR partition IN {partitions:Array(UInt32)})
    AND tupleElement(completed, 'hash') != 0
    AND tupleElement(seen, 'appended') < {before:Int64}
ORDER BY tupleElement(seen, 'appended'), run_id
LIMIT {most:UInt32}
