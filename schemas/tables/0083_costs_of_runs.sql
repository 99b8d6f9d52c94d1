-- The same of whole runs: the sums over their processes.
ALTER TABLE run_figures
    ADD COLUMN IF NOT EXISTS cost_spot Decimal(38, 9),
    ADD COLUMN IF NOT EXISTS cost_on_demand Decimal(38, 9),
    ADD COLUMN IF NOT EXISTS cost_flat Decimal(38, 9),
    ADD COLUMN IF NOT EXISTS assumed UInt64,
    ADD COLUMN IF NOT EXISTS saved Decimal(38, 9)
