-- The same by process.
-- The figures are inserted by place, so theirs is said.
ALTER TABLE run_processes
    ADD COLUMN IF NOT EXISTS stored    UInt64 AFTER last_completed_at,
    ADD COLUMN IF NOT EXISTS never_run UInt64 AFTER stored
