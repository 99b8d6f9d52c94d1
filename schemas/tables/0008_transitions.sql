-- Each change of a run's status, found at a round of its partition; (run_id, offset of the round) names it, so a sweep that
-- is done again adds nothing.
CREATE TABLE IF NOT EXISTS transitions
(
    run_id      String,
    offset      Int64,
    partition   UInt32,
    appended_at DateTime64(3, 'UTC'),
    observed_ms Int64,
    from_status LowCardinality(String),
    to_status   LowCardinality(String),
    reason      String
)
ENGINE = ${Replacing}
ORDER BY (run_id, offset)
