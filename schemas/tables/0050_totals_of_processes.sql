-- The runner's totals by process, as its end said them: with them a run whose batches were lost is counted right.
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS process_totals SimpleAggregateFunction(max, Tuple(
        instant Int64, hash UInt64, processes Array(Tuple(
            process String, succeeded Int64, failed Int64, ignored Int64, cached Int64, aborted Int64, retries Int64))))
