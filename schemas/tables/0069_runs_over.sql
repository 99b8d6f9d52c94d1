-- Whether the run is shown as over: its end counts in its figures. The projector says so when they are made, a moment after `completed`
-- came, so no reader sees an end before its figures. Runs from before are over when their end came.
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS over SimpleAggregateFunction(max, UInt8)
    DEFAULT CAST(tupleElement(completed, 'hash') != 0, 'UInt8')
