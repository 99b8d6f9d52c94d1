-- What was accepted and could not be used: a whole request (part '') or a part of one. (partition, offset, part) names it.
CREATE TABLE IF NOT EXISTS dead_letters
(
    partition   UInt32,
    offset      Int64,
    part        String,
    run_id      String,
    type        LowCardinality(String),
    reason      String,
    request     String,
    dialect     LowCardinality(String),
    workspace   String,
    owner       String,
    raw         String,
    appended_at DateTime64(3, 'UTC')
)
ENGINE = ${Replacing}
ORDER BY (partition, offset, part)
