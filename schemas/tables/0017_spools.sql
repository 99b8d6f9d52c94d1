-- What ingest keeps on disk, one row a spool: the newest word of a tick, or of the farewell, of the process that has it. Told on
-- every partition and taken from partition 0 alone, so `offset` orders the words. Ticks do not reach a log that is away:
-- while it is, and after a kill -9, the figure is that of the last tick before.
CREATE TABLE IF NOT EXISTS spools
(
    spool    String,
    offset   Int64,
    process  LowCardinality(String),
    requests UInt64,
    told_at  DateTime64(3, 'UTC')
)
ENGINE = ${Replacing}(offset)
ORDER BY spool
