-- Tasks of a run that is over which the runner's totals count and which it never told one by one.
ALTER TABLE run_figures
    ADD COLUMN IF NOT EXISTS missing UInt64
