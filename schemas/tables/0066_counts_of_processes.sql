-- The same by process.
ALTER TABLE run_processes
    ADD COLUMN IF NOT EXISTS stored    UInt64,
    ADD COLUMN IF NOT EXISTS never_run UInt64
