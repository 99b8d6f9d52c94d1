-- One row a message of the log: the books are counts over it. Key: (partition, offset) names a message; the type stands
-- between them so that the ticks of a partition lie together, for the projector that resumes between two rounds.
-- `id` recognises requests that were sent again.
CREATE TABLE IF NOT EXISTS events
(
    partition   UInt32,
    type        LowCardinality(String),
    offset      Int64,
    id          String,
    run_id      String,
    source      LowCardinality(String),
    outcome     LowCardinality(String),
    interval_ms UInt32,
    appended_at DateTime64(3, 'UTC')
)
ENGINE = ${Replacing}
ORDER BY (partition, type, offset)
