-- The {limit} newest notes of these kinds about a run that still stand, each with its newest {versions} versions, oldest first; and
-- when each was written first. The newest versions whose texts take {most_bytes} bytes; `of_versions` says how many there are in all.
WITH
    versions AS
    (
        SELECT partition, offset, length(text) AS bytes
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
    ),
    shown AS
    (
        SELECT partition, offset
        FROM
        (
            SELECT
                partition,
                offset,
                sum(bytes) OVER (ORDER BY partition DESC, offset DESC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far,
                so_far - bytes AS before
            FROM versions
        )
        WHERE before < {most_bytes:UInt64}
    )
SELECT kind, note_id, author, text, toUnixTimestamp64Milli(written_at) AS at_ms, first_ms, (SELECT count() FROM versions) AS of_versions
FROM (SELECT * FROM notes FINAL WHERE run_id = {run_id:String} AND (partition, offset) IN shown) AS version
LEFT ANY JOIN
(
    SELECT kind, note_id, min(toUnixTimestamp64Milli(written_at)) AS first_ms
    FROM notes
    WHERE run_id = {run_id:String}
    GROUP BY kind, note_id
) AS note USING (kind, note_id)
ORDER BY partition, offset
