-- What runs had at work on hosts that were announced: one row a run on a host, the newest. `scope` is the owner of whose hosts it is one, ''
-- for those of all. Of each attempt when it began and ended (of an open one up to the run's last request), and the thousandths of a CPU that
-- it asked for, which are its weight. No attempts: the run has left the host. changed_from_ms, changed_to_ms: the time in which the
-- row differs from the one before it, so that other runs which were there then pay another share.
-- Key: a host's runs lie together, since each is priced by what the others had there.
CREATE TABLE IF NOT EXISTS host_attempts
(
    hostname        String,
    scope           String,
    run_id          String,
    version         UInt128,
    first_ms        Int64,
    last_ms         Int64,
    attempts        Array(Tuple(task_id Int64, from_ms Int64, to_ms Int64, weight Int64)),
    changed_from_ms Int64,
    changed_to_ms   Int64
)
ENGINE = ${Replacing}(version)
ORDER BY (hostname, scope, run_id)
