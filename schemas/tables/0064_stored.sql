-- How many results a process took from its store, as the runner's totals last said: no task tells of these. Only of processes that did.
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS stored_totals SimpleAggregateFunction(max, Tuple(
        instant Int64, hash UInt64, processes Array(Tuple(process String, stored Int64))))
