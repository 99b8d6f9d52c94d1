-- The same of whole runs: the sum over their processes.
ALTER TABLE run_figures ADD COLUMN IF NOT EXISTS cost_hosts Decimal(38, 9)
