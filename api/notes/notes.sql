-- All versions of the notes of these kinds about a run, oldest first.
SELECT kind, note_id, author, text, toUnixTimestamp64Milli(written_at) AS at_ms
FROM notes FINAL
WHERE run_id = {run_id:String} AND kind IN {kinds:Array(String)}
ORDER BY partition, offset
