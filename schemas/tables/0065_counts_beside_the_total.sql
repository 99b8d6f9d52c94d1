-- What no status counts: results that were taken from a store, and tasks that were pending when their run ended without success.
-- The figures are inserted by place, so theirs is said.
ALTER TABLE run_figures
    ADD COLUMN IF NOT EXISTS stored    UInt64 AFTER missing,
    ADD COLUMN IF NOT EXISTS never_run UInt64 AFTER stored
