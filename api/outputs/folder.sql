-- What lies directly in the folder {path} ('' or with / at its end) of the outputs of the run {run_id}, folders first, each with what lies in it
-- and below. `listing`: older rows are of files that are no longer there.
SELECT
    if(slash > 0, substring(rest, 1, slash), rest) AS name,
    slash > 0 AS is_folder,
    count() AS files,
    sum(size) AS bytes,
    max(toUnixTimestamp64Milli(modified_at)) AS modified_ms,
    any(storage_class) AS storage_class
FROM
(
    SELECT substring(key, length({path:String}) + 1) AS rest, position(rest, '/') AS slash, size, modified_at, storage_class, listing
    FROM outputs FINAL
    WHERE run_id = {run_id:String} AND startsWith(key, {path:String})
)
WHERE listing >= {listing:Int64} AND rest != ''
GROUP BY name, is_folder
ORDER BY is_folder DESC, name
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
