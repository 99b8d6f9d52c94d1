-- What no status counts: results that were taken from a store, and tasks that were pending when their run ended without success.
ALTER TABLE run_figures
    ADD COLUMN IF NOT EXISTS stored    UInt64,
    ADD COLUMN IF NOT EXISTS never_run UInt64
