-- Of the cost: what ran on spot machines, what on demand, what at an assumed rate, and how many tasks that were; and what the tasks
-- that were taken from the cache would have cost.
ALTER TABLE run_processes
    ADD COLUMN IF NOT EXISTS cost_spot Decimal(38, 9),
    ADD COLUMN IF NOT EXISTS cost_on_demand Decimal(38, 9),
    ADD COLUMN IF NOT EXISTS cost_flat Decimal(38, 9),
    ADD COLUMN IF NOT EXISTS assumed UInt64,
    ADD COLUMN IF NOT EXISTS saved Decimal(38, 9)
