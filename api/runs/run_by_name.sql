-- The newest run of a name: latest first append, then id. One row or none. Found in single rows first, as in sessions.sql.
SELECT run_id
FROM
(
    SELECT
        run_id,
        if(facts.name != '', facts.name, created.name) AS name,
        ifNull(toUnixTimestamp64Milli(first_appended_at), 0) AS first_ms
    FROM
    (
        SELECT *
        FROM runs FINAL
        WHERE run_id IN (SELECT run_id FROM runs
            WHERE tupleElement(facts, 'name') = {name:String} OR tupleElement(created, 'name') = {name:String})
    )
)
WHERE name = {name:String}
ORDER BY first_ms DESC, run_id DESC
LIMIT 1
