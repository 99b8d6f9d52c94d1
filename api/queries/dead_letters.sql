-- One page of what was set aside, newest first. ({token_ms}, {token_partition}, {token_offset}, {token_part}): the last letter of
-- the page before. Of the raw text no more than {most} bytes are given.
SELECT
    partition, offset, part, run_id, type, reason, request,
    substring(raw, 1, {most:UInt32}) AS raw_start,
    length(raw) AS raw_bytes,
    toUnixTimestamp64Milli(appended_at) AS at_ms
FROM dead_letters FINAL
WHERE ({run_id:String} = '' OR run_id = {run_id:String})
    AND (at_ms, partition, offset, part) < ({token_ms:Int64}, {token_partition:UInt32}, {token_offset:Int64}, {token_part:String})
ORDER BY at_ms DESC, partition DESC, offset DESC, part DESC
LIMIT {limit:UInt32}
