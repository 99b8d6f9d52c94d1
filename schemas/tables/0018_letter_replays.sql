-- Dead letters that were read again after a fix: one row each event on the log that says that it is one. (partition, offset,
-- part) names the letter, (log_partition, log_offset) the event.
CREATE TABLE IF NOT EXISTS letter_replays
(
    partition     UInt32,
    offset        Int64,
    part          String,
    log_partition UInt32,
    log_offset    Int64,
    run_id        String,
    by            String,
    appended_at   DateTime64(3, 'UTC')
)
ENGINE = ${Replacing}
ORDER BY (partition, offset, part, log_partition, log_offset)
