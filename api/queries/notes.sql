-- All versions of the notes of this kind about a run, oldest first.
SELECT note_id, author, text, toUnixTimestamp64Milli(written_at) AS at_ms
FROM notes FINAL
WHERE run_id = {run_id:String} AND kind = {kind:String}
ORDER BY partition, offset
