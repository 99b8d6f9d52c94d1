-- Outputs of the run {run_id} in the folder {path} and below whose paths hold all of {words}, whatever their case.
-- `listing`: older rows are of files that are no longer there.
SELECT key, size AS bytes, toUnixTimestamp64Milli(modified_at) AS modified_ms, storage_class
FROM (SELECT * FROM outputs FINAL WHERE run_id = {run_id:String} AND startsWith(key, {path:String}))
WHERE listing >= {listing:Int64} AND arrayAll(word -> positionCaseInsensitiveUTF8(key, word) > 0, {words:Array(String)})
ORDER BY
    if({descending:Bool} AND {sort:String} = 'path', key, '') DESC,
    if({descending:Bool}, 1, -1) * multiIf({sort:String} = 'bytes', bytes, {sort:String} = 'modified_at', modified_ms, 0) DESC,
    key
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
