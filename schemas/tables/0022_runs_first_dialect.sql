-- Who created the run: the dialect of its first message on the log, (2^63 - 1 - offset, name) as `owner` has it, so that the order
-- and the number of arrivals do not matter. What people do about a run has no say.
-- `dialect`, the greatest text that any message brought, is written no more; rows from before get their first dialect from it.
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS first_dialect SimpleAggregateFunction(max, Tuple(earliness Int64, name String))
    DEFAULT CAST(
        if(dialect = '', (toInt64(0), ''), (tupleElement(owner, 'earliness'), toString(dialect))),
        'Tuple(earliness Int64, name String)')
