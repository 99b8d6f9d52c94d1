-- One row a partition: how far it is projected, its newest tick, and the offset of its newest round, which is the key of
-- that round in `clocks`. The newest tick is the one of the greatest offset, with its append time (ms), 0 for none: where the
-- log's clock stepped back, the latest time would lie in the future for as long. Cheap to read with every answer, where `events` and `clocks` grow without end.
CREATE TABLE IF NOT EXISTS watermarks
(
    partition   UInt32,
    offset      SimpleAggregateFunction(max, Int64),
    appended_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    tick        SimpleAggregateFunction(max, Tuple(offset Int64, appended Int64)),
    round       SimpleAggregateFunction(max, Int64)
)
ENGINE = ${Aggregating}
ORDER BY partition
