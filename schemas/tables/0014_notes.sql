-- What people (and programs that analyse runs) write about runs, as Markdown: one row each version of a note, named by
-- (run_id, kind, note_id, partition, offset), so that the history is kept and a repeated insert adds nothing. The newest version
-- counts; one with an empty text takes the note away from the page. `kind`: note or analysis.
CREATE TABLE IF NOT EXISTS notes
(
    run_id     String,
    kind       LowCardinality(String),
    note_id    String,
    partition  UInt32,
    offset     Int64,
    author     String,
    text       String,
    written_at DateTime64(3, 'UTC')
)
ENGINE = ${Replacing}
ORDER BY (run_id, kind, note_id, partition, offset)
