-- The {limit} newest notes of these kinds about a run that still stand, each with its newest {versions} versions, oldest first; and
-- when each was written first.
SELECT kind, note_id, author, text, toUnixTimestamp64Milli(written_at) AS at_ms, first_ms
FROM
(
    SELECT *, min(toUnixTimestamp64Milli(written_at)) OVER (PARTITION BY kind, note_id) AS first_ms
    FROM notes FINAL
    WHERE run_id = {run_id:String} AND kind IN {kinds:Array(String)}
        AND (kind, note_id) IN
        (
            SELECT kind, note_id
            FROM notes
            WHERE run_id = {run_id:String} AND kind IN {kinds:Array(String)}
            GROUP BY kind, note_id
            HAVING argMax(notEmpty(text), (partition, offset))
            ORDER BY min(written_at) DESC, note_id DESC
            LIMIT {limit:UInt32}
        )
    ORDER BY partition DESC, offset DESC
    LIMIT {versions:UInt32} BY kind, note_id
)
ORDER BY partition, offset
