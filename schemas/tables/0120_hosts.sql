-- Which machine a host was since `from_ms`, until `until_ms` or the next row of the host, whichever is sooner. `owner`: of whose runs that
-- is said; '' for all. `said` is the newest word on the log (offsets are the event's + 1), `priced` the one by which the runs on the
-- host were marked to be priced anew; where the two differ, that is still to be done. 0 CPUs or MiB: nobody told.
CREATE TABLE IF NOT EXISTS hosts
(
    hostname String,
    owner    String,
    from_ms  Int64,
    said     SimpleAggregateFunction(max, Tuple(
        offset Int64, until_ms Int64, machine_type String, price_model String, zone String,
        cpu_thousandths Int64, memory_mib Int64)),
    priced   SimpleAggregateFunction(max, Tuple(
        offset Int64, until_ms Int64, machine_type String, price_model String, zone String,
        cpu_thousandths Int64, memory_mib Int64))
)
ENGINE = ${Aggregating}
ORDER BY (hostname, owner, from_ms)
