-- Outputs of all runs that are not hidden whose paths hold all of {words}, whatever their case, newest first. Files that the newest look at
-- their run no longer found are left out.
SELECT
    o.run_id AS run_id, r.name AS name, f.uri AS uri, o.key AS key, o.size AS bytes,
    toUnixTimestamp64Milli(o.modified_at) AS modified_ms, o.storage_class AS storage_class
FROM
(
    SELECT * FROM outputs FINAL
    WHERE arrayAll(word -> positionCaseInsensitiveUTF8(key, word) > 0, {words:Array(String)})
) AS o
INNER JOIN
(
    SELECT run_id, complete.listing AS since, if(complete.uri != '', complete.uri, attempt.uri) AS uri
    FROM (SELECT run_id, complete, attempt FROM output_folders FINAL)
) AS f ON o.run_id = f.run_id
INNER JOIN
(
    SELECT run_id, if(facts.name != '', facts.name, run_id) AS name
    FROM (SELECT run_id, facts, hiding FROM runs FINAL)
    WHERE hiding.hidden = 0
) AS r ON o.run_id = r.run_id
WHERE o.listing >= f.since
ORDER BY modified_ms DESC, name, key
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
