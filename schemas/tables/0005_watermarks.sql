-- One row a partition: how far it is projected, its newest tick, and the offset of its newest round, which is the key of
-- that round in `clocks`. Cheap to read with every answer, where `events` and `clocks` grow without end.
CREATE TABLE IF NOT EXISTS watermarks
(
    partition   UInt32,
    offset      SimpleAggregateFunction(max, Int64),
    appended_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    tick_at     SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
    round       SimpleAggregateFunction(max, Int64)
)
ENGINE = ${Aggregating}
ORDER BY partition
