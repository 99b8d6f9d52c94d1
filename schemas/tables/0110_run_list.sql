-- A narrow row a run: what lists and sums over runs filter, search, sort and count by, as `list_rows` (schemas/macros/runs.sql) derives
-- it from `runs` and `run_figures`; so that no list reads and merges the wide rows of every run that there ever was. What is shown
-- of a run is read from `runs`, by its id. Times and durations are in ms; what nobody said is '', or NULL where it is a figure.
-- The key is the order of lists: a page of the latest reads the end alone. A run's first append never changes once there is one, since
-- a partition's messages come in order; only a run of which people said something before it was heard goes from 0 to it, and then
-- the row at 0 is `gone`.
-- `over` and `state`: a run that is over has the status that its end reported; of the others, which are few, it is judged.
-- `searched` is in lower case. Version: the run's greatest offset (above 128 bits) and the version of its figures, so what is older never wins.
CREATE TABLE IF NOT EXISTS run_list
(
    first_ms     Int64,
    run_id       String,
    version      UInt256,
    gone         UInt8,
    partition    UInt32,
    over         UInt8,
    state        LowCardinality(String),
    hidden       UInt8,
    heard_ms     Int64,
    start_ms     Nullable(Int64),
    completed_ms Nullable(Int64),
    duration_ms  Nullable(Int64),
    name         String,
    session_id   String,
    owner        LowCardinality(String),
    user_name    LowCardinality(String),
    pipeline     LowCardinality(String),
    labels       Array(LowCardinality(String)),
    searched     String,
    tasks        UInt64,
    total        UInt64,
    failed       UInt64,
    missing      UInt64,
    unpriced     UInt64,
    peak         UInt64,
    shown_cost     Nullable(Decimal(38, 9)),
    cost           Decimal(38, 9),
    wasted         Decimal(38, 9),
    cost_spot      Decimal(38, 9),
    cost_on_demand Decimal(38, 9),
    INDEX over over TYPE minmax,
    INDEX heard_ms heard_ms TYPE minmax,
    INDEX session_id session_id TYPE bloom_filter(0.001),
    INDEX name name TYPE bloom_filter(0.001)
)
ENGINE = ${Replacing}(version, gone)
ORDER BY (first_ms, run_id)
