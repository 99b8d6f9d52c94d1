-- One page of what was set aside, newest first, with whether it was read again. An empty text does not filter; {reason} is a
-- substring; of {replayed} -1 gives all, 0 those that were not read again, 1 those that were. ({token_ms}, {token_partition},
-- {token_offset}, {token_part}): the last letter of the page before. Of the raw text the beginning alone is read.
SELECT
    d.partition AS partition, d.offset AS offset, d.part AS part, d.run_id AS run_id, type, reason, request, raw_start, raw_bytes, at_ms,
    dialect, workspace, owner,
    r.replayed_ms AS replayed_ms, r.by AS replayed_by, r.replay_run_id AS replayed_as
FROM
(
    SELECT
        partition, offset, part, run_id, type, reason, request, dialect, workspace, owner,
        raw_start, raw_bytes,
        toUnixTimestamp64Milli(appended_at) AS at_ms
    FROM dead_letters FINAL
    WHERE ({run_id:String} = '' OR run_id = {run_id:String})
        AND ({reason:String} = '' OR position(reason, {reason:String}) > 0)
        AND (at_ms, partition, offset, part) < ({token_ms:Int64}, {token_partition:UInt32}, {token_offset:Int64}, {token_part:String})
        AND ({replayed:Int8} < 0 OR (partition, offset, part) IN (SELECT partition, offset, part FROM letter_replays) = {replayed:Int8})
    ORDER BY at_ms DESC, partition DESC, offset DESC, part DESC
    LIMIT {limit:UInt32}
) AS d
LEFT ANY JOIN
(
    SELECT
        partition, offset, part,
        toUnixTimestamp64Milli(max(appended_at)) AS replayed_ms,
        argMax(by, appended_at) AS by,
        argMax(run_id, appended_at) AS replay_run_id
    FROM letter_replays
    GROUP BY partition, offset, part
) AS r ON d.partition = r.partition AND d.offset = r.offset AND d.part = r.part
ORDER BY at_ms DESC, partition DESC, offset DESC, part DESC
