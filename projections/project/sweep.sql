{% from "schemas/macros/runs.sql" import run_statuses %}
-- What a round finds, one row a partition that has runs. {partitions}, {clocks}, {since}: the rounds, one a partition, by their
-- observed clocks (ms), each with one that is not later than that of the round before: a run that was over and not heard since then
-- was judged then, and is not looked at again unless a message of it came after the round before, {rounds_before} (what people do or have
-- read again is no sign of life), else a sweep would take longer with every run that there ever was. Which these are is read in single
-- rows: to merge them all would take as long; some more are found so, and judged as they were. What it gives
-- counts only if, asked afterwards, swept.sql does not name the partition: else messages from after the round may have been read.
--
-- changes                  runs whose status differs from their last transition
-- outage_counts            (live, fallen, suspects): runs live one threshold {disconnected_ms} ago (one without heartbeats, or
--                          never heard, has no liveness); those of them silent for too long, each by its own threshold; and
--                          those silent for more than half of that, which would fall within half of {disconnected_ms}
-- calm                     at most 10,000 of the runs that run and are not yet silent for so long that they count as suspects
-- same_until_ms            the observed clock up to which, without any message, nothing of all this differs
WITH
    9223372036854775807 AS never,
    looked_at AS
    (
        SELECT run_id
        FROM runs
        WHERE partition IN {partitions:Array(UInt32)}
            AND (over = 0
                OR tupleElement(seen, 'observed') >= transform(partition, {partitions:Array(UInt32)}, {since:Array(Int64)}, toInt64(0))
                OR offset > transform(partition, {partitions:Array(UInt32)}, {rounds_before:Array(Int64)}, toInt64(-1)))
    ),
    last AS
    (
        SELECT run_id, argMax(to_status, offset) AS status
        FROM transitions
        WHERE run_id IN looked_at
        GROUP BY run_id
    ),
    judged AS
    (
        SELECT
            s.run_id AS run_id,
            s.partition AS partition,
            last.status AS from_status,
            s.status AS to_status,
            s.reason AS reason,
            NOT s.over AND s.liveness != 'unknown' AS watched,
            s.clock_ms AS clock_ms,
            s.seen.observed AS seen_ms,
            s.clock_ms - s.seen.observed AS silent_ms,
            s.disconnected_after_ms AS after_ms,
            after_ms + {disconnected_ms:Int64} AS gone_ms,
            greatest(intDiv(after_ms, 2), after_ms - intDiv({disconnected_ms:Int64} + 1, 2)) AS suspect_ms,
            arrayMin(arrayMap(
                edge -> if(watched AND edge >= clock_ms, edge, never),
                [seen_ms + suspect_ms, seen_ms + after_ms, seen_ms + gone_ms, s.tasks_seen.observed + s.stalled_after_ms]
            )) AS same_until
        FROM {{ run_statuses(
            run_ids="looked_at", clock_partitions="{partitions:Array(UInt32)}", clock_times="{clocks:Array(Int64)}", behind="[]") }} AS s
        LEFT ANY JOIN last ON s.run_id = last.run_id
    )
SELECT
    partition,
    arraySort(groupArrayIf((run_id, from_status, to_status, reason), to_status != from_status)) AS changes,
    (
        countIf(watched AND silent_ms <= gone_ms),
        countIf(watched AND silent_ms <= gone_ms AND silent_ms > after_ms),
        countIf(watched AND silent_ms <= after_ms AND silent_ms > suspect_ms)
    ) AS outage_counts,
    groupArrayIf(10000)(run_id, watched AND to_status = 'running' AND silent_ms <= suspect_ms) AS calm,
    min(same_until) AS same_until_ms
FROM judged
GROUP BY partition
