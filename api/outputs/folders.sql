-- Runs whose output folder holds {text} in its path, whatever its case, newest first; {limit} at most.
SELECT run_id, name, uri
FROM
(
    SELECT run_id, if(complete.uri != '', complete.uri, attempt.uri) AS uri
    FROM (SELECT run_id, complete, attempt FROM output_folders FINAL)
    WHERE positionCaseInsensitiveUTF8(uri, {text:String}) > 0
) AS f
INNER JOIN
(
    SELECT run_id, if(facts.name != '', facts.name, run_id) AS name, first_appended_at
    FROM (SELECT run_id, facts, first_appended_at FROM runs FINAL)
) AS r ON f.run_id = r.run_id
ORDER BY first_appended_at DESC, run_id
LIMIT {limit:UInt32}
