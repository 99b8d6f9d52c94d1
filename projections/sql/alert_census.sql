-- How the runs stand that were live one threshold ago (a run without heartbeats has no liveness): whether many fell silent
-- together. {partitions}, {clocks}: the observed clock (ms) of each partition. Each run falls at its own threshold; a suspect
-- is silent for more than half of that, and would fall within half of {threshold_ms}.
SELECT
    countIf(silent_ms <= after_ms + {threshold_ms:Int64}) AS live,
    countIf(silent_ms <= after_ms + {threshold_ms:Int64} AND silent_ms > after_ms) AS fallen,
    countIf(silent_ms <= after_ms AND 2 * silent_ms > after_ms AND 2 * (after_ms - silent_ms) < {threshold_ms:Int64}) AS suspects
FROM
(
    SELECT
        transform(partition, {partitions:Array(UInt32)}, {clocks:Array(Int64)}, toInt64(0)) - seen.observed AS silent_ms,
        if(own.disconnected_ms > 0, own.disconnected_ms, {threshold_ms:Int64}) AS after_ms
    FROM (SELECT partition, seen, dialect, completed, own FROM runs FINAL)
    WHERE completed.hash = 0 AND dialect != 'weblog'
)
