-- How the runs stand that were live one threshold ago (a run without heartbeats has no liveness): whether many fell silent
-- together. {partitions}, {clocks}: the observed clock (ms) of each partition.
SELECT
    countIf(silent_ms <= 2 * {threshold_ms:Int64}) AS live,
    countIf(silent_ms <= 2 * {threshold_ms:Int64} AND silent_ms > {threshold_ms:Int64}) AS fallen,
    countIf(silent_ms <= {threshold_ms:Int64} AND 2 * silent_ms > {threshold_ms:Int64}) AS suspects
FROM
(
    SELECT transform(partition, {partitions:Array(UInt32)}, {clocks:Array(Int64)}, toInt64(0)) - seen.observed AS silent_ms
    FROM (SELECT partition, seen, dialect, completed FROM runs FINAL)
    WHERE completed.hash = 0 AND dialect != 'weblog'
)
