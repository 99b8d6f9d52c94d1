-- The name that `tracker run` was asked for when it started the run; '' where something else did. A run whose name was taken is found
-- by it too. Whoever says it of a run says the same each time.
ALTER TABLE runs ADD COLUMN IF NOT EXISTS launched_as SimpleAggregateFunction(max, String)
