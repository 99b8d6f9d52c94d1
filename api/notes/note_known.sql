-- Whether a note is projected: any version of it, or with {exact} one with this author and text.
SELECT 1 FROM notes
WHERE run_id = {run_id:String} AND note_id = {note_id:String}
    AND (NOT {exact:Bool} OR (author = {author:String} AND text = {text:String}))
LIMIT 1
