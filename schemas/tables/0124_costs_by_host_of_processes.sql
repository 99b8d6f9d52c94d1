-- Of the cost: the part that is a share of what announced hosts cost.
ALTER TABLE run_processes ADD COLUMN IF NOT EXISTS cost_hosts Decimal(38, 9)
