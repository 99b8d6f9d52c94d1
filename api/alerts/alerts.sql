-- One page of alerts in one of {states}, newest first; an empty text does not filter. ({token_ms}, {token_id}): the last alert of
-- the page before. Times in ms; '' stands for what is not known.
SELECT
    id, kind, run_id, state, summary, group_id, acknowledged_by,
    toUnixTimestamp64Milli(since) AS since_ms,
    toUnixTimestamp64Milli(fired_at) AS fired_ms,
    toUnixTimestamp64Milli(resolved_at) AS resolved_ms,
    toUnixTimestamp64Milli(acknowledged_at) AS acknowledged_ms,
    toUnixTimestamp64Milli(silenced_until) AS silenced_ms,
    arrayMap(
        d -> (d.receiver, toUnixTimestamp64Milli(d.firing_at), toUnixTimestamp64Milli(d.resolved_at)), deliveries) AS told
FROM alerts FINAL
WHERE state IN {states:Array(String)}
    AND ({kind:String} = '' OR kind = {kind:String})
    AND ({run_id:String} = '' OR run_id = {run_id:String})
    AND (since_ms < {token_ms:Int64} OR (since_ms = {token_ms:Int64} AND id < {token_id:String}))
ORDER BY since_ms DESC, id DESC
LIMIT {limit:UInt32}
