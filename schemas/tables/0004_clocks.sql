-- One row a round: when every living ingest process had ticked since the last one, the partition's observed clock went on.
-- `processes` are those the next round waits for, with the append time (ms) of their last tick.
CREATE TABLE IF NOT EXISTS clocks
(
    partition   UInt32,
    offset      Int64,
    appended_at DateTime64(3, 'UTC'),
    clock_ms    Int64,
    interval_ms UInt32,
    processes   Map(String, Int64)
)
ENGINE = ${Replacing}
ORDER BY (partition, offset)
