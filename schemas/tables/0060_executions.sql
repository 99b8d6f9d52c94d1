-- What the requests of a weblog run said of its executions, a row for each that changed it: `offset` is the request's, so that what was
-- known before any offset can be read again. `base` is the id that ingest gives all of them. Retention leaves it alone: these are
-- two rows an execution, and without them a later one would take the id of one that is gone. Times are ms by the runner's clock.
CREATE TABLE IF NOT EXISTS executions
(
    base      String,
    offset    Int64,
    number    UInt32,
    run_id    String,
    start_ms  Nullable(Int64),
    began_ms  Nullable(Int64),
    ended_ms  Nullable(Int64),
    announced UInt8
)
ENGINE = ${Replacing}
ORDER BY (base, offset)
