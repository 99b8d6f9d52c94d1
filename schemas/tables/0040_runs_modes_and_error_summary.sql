-- What lists show of a run beside its facts: whether it was a stub run or a preview, and the line that says most of its error,
-- found when the end is projected, so that no list reads a report. Rows from before have neither.
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS modes SimpleAggregateFunction(max, Tuple(instant Int64, hash UInt64, stub UInt8, preview UInt8)),
    ADD COLUMN IF NOT EXISTS error_summary SimpleAggregateFunction(max, Tuple(instant Int64, hash UInt64, line String))
