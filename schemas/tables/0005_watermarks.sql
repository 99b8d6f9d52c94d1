-- One row a partition: how far it is projected. Cheap to read with every answer, where `events` is not.
CREATE TABLE IF NOT EXISTS watermarks
(
    partition   UInt32,
    offset      SimpleAggregateFunction(max, Int64),
    appended_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    tick_at     SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC')))
)
ENGINE = ${Aggregating}
ORDER BY partition
