-- By partition: what became of the messages {firsts} <= offset < {nexts} of the partitions {partitions}. `repeats` are the requests whose
-- id another one had before; ids are compared by 64 bits of hash.
SELECT
    partition,
    countIf(outcome = 'projected') AS projected,
    countIf(outcome = 'dead_lettered') AS dead_lettered,
    countIf(outcome = 'clock') AS clocks,
    countIf(outcome != 'clock' AND id != '') - uniqExactIf(sipHash64(id), outcome != 'clock' AND id != '') AS repeats
FROM events FINAL
WHERE partition IN {partitions:Array(UInt32)}
    AND offset >= transform(partition, {partitions:Array(UInt32)}, {firsts:Array(Int64)}, toInt64(0))
    AND offset < transform(partition, {partitions:Array(UInt32)}, {nexts:Array(Int64)}, toInt64(0))
GROUP BY partition
