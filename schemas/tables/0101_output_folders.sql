-- The output folder of a run, one row a run; each column is a lattice of its own. `requested`: who last wanted it looked at, by the offset
-- of their event. `progress`: how far the newest listing came, so that the next collector goes on from there. `attempt`: how the newest
-- listing ended; `complete`: what the newest one found that was not cut short by a failure. Offsets are the event's + 1, so that the default
-- tuple is below all. `noncurrent_files` and `noncurrent_bytes` are -1 where the store does not tell of older versions.
CREATE TABLE IF NOT EXISTS output_folders
(
    run_id    String,
    requested SimpleAggregateFunction(max, Tuple(offset Int64, at_ms Int64, by String)),
    progress  SimpleAggregateFunction(max, Tuple(
        listing Int64, part Int64, last_key String, files Int64, bytes Int64,
        classes Array(Tuple(storage_class String, files Int64, bytes Int64)))),
    attempt   SimpleAggregateFunction(max, Tuple(
        listing Int64, offset Int64, state String, message String, uri String, answers Int64, ended_ms Int64)),
    complete  SimpleAggregateFunction(max, Tuple(
        listing Int64, offset Int64, state String, uri String, files Int64, bytes Int64,
        classes Array(Tuple(storage_class String, files Int64, bytes Int64)),
        noncurrent_files Int64, noncurrent_bytes Int64, ended_ms Int64))
)
ENGINE = ${Aggregating}
ORDER BY run_id
