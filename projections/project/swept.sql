-- Of the partitions {partitions}, those that have a clock at these {offsets} or later: their rounds were swept before, maybe by
-- another projector, and what came after the round may have been inserted.
SELECT DISTINCT partition
FROM clocks
WHERE partition IN {partitions:Array(UInt32)}
    AND offset >= (SELECT arrayMin({offsets:Array(Int64)})) -- reads the end of the key range alone
    AND offset >= transform(partition, {partitions:Array(UInt32)}, {offsets:Array(Int64)}, toInt64(0))
