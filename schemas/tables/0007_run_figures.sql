-- Figures of a run. Version: the run's greatest offset that was inserted before the refresh began (high 64 bits) and the
-- price book it was priced by (low 64 bits), so a slow or stale refresh never wins.
CREATE TABLE IF NOT EXISTS run_figures
(
    run_id     String,
    version    UInt128,
    tasks      UInt64,
    open_tasks UInt64,
    total      UInt64,
    pending    UInt64,
    submitted  UInt64,
    running    UInt64,
    succeeded  UInt64,
    failed     UInt64,
    ignored    UInt64,
    aborted    UInt64,
    cached     UInt64,
    retried    UInt64,
    peak       UInt64,
    cost       Decimal(38, 9),
    wasted     Decimal(38, 9),
    unpriced   UInt64,
    cpu_ms     Float64
)
ENGINE = ${Replacing}(version)
ORDER BY run_id
