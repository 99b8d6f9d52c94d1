-- Figures by process; one refresh writes all processes of a run with one version, and only the rows of the run's newest
-- version count, so a process that no task names any more goes. Version: (the run's offset, the price book) as in run_figures.
CREATE TABLE IF NOT EXISTS run_processes
(
    run_id             String,
    process            String,
    version            UInt128,
    tasks              UInt64,
    open_tasks         UInt64,
    pending            UInt64,
    submitted          UInt64,
    running            UInt64,
    succeeded          UInt64,
    failed             UInt64,
    ignored            UInt64,
    aborted            UInt64,
    cached             UInt64,
    retried            UInt64,
    cost               Decimal(38, 9),
    wasted             Decimal(38, 9),
    unpriced           UInt64,
    cpu_ms             Float64,
    first_submitted_at Nullable(DateTime64(3, 'UTC')),
    last_completed_at  Nullable(DateTime64(3, 'UTC'))
)
ENGINE = ${Replacing}(version)
ORDER BY (run_id, process)
