-- What people did about alerts; (partition, offset) names the event. The notifier reads it and acts by it. For the act
-- `run.hidden`, which ends all alerts about a run, `alert_id` is the id of the run.
CREATE TABLE IF NOT EXISTS alert_acts
(
    partition   UInt32,
    offset      Int64,
    alert_id    String,
    act         LowCardinality(String),
    by          String,
    until       Nullable(DateTime64(3, 'UTC')),
    appended_at DateTime64(3, 'UTC')
)
ENGINE = ${Replacing}
ORDER BY (partition, offset)
