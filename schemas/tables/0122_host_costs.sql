-- What an attempt on an announced host costs, as its run's figures count it: its shares of what the host cost. NULL where a rate was not
-- known; on_host = 0: it is on no announced host any more, and priced as others are. Written by the refresh of the run's figures, which
-- reads it then, and only where it changed.
CREATE TABLE IF NOT EXISTS host_costs
(
    run_id       String,
    task_id      Int64,
    version      UInt128,
    hostname     String,
    on_host      UInt8,
    cost         Nullable(Decimal(38, 9)),
    spot_cost    Nullable(Decimal(38, 9)),
    capacity     LowCardinality(String),
    basis        LowCardinality(String),
    machine_type LowCardinality(String)
)
ENGINE = ${Replacing}(version)
ORDER BY (run_id, task_id)
