-- A run of another owner than {owner} whose outputs lie in the folder {uri}, or this folder in theirs.
SELECT name
FROM
(
    SELECT run_id, if(complete.uri != '', complete.uri, attempt.uri) AS uri
    FROM (SELECT run_id, complete, attempt FROM output_folders FINAL)
    WHERE uri != '' AND (startsWith(uri, {uri:String}) OR startsWith({uri:String}, uri))
) AS f
INNER JOIN
(
    SELECT run_id, owner.name AS owner_name, if(facts.name != '', facts.name, run_id) AS name
    FROM (SELECT run_id, owner, facts FROM runs FINAL)
) AS r ON f.run_id = r.run_id
WHERE owner_name != {owner:String}
LIMIT 1
