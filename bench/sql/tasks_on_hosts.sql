-- {attempts} attempts, {of_run} a run, each run on {hosts_of_run} of {hosts} hosts; of a {live} run every fifth is still open. They take up
-- to half an hour each, of a day.
INSERT INTO tasks (run_id, task_id, status, name, process, attempt, submitted_at, started_at, completed_at, cpus, memory_bytes, machine_type,
    hostname)
SELECT
    concat('r', leftPad(toString(intDiv(number, {of_run:UInt64})), 8, '0')) AS run_id,
    toInt64(number % {of_run:UInt64} + 1) AS task_id,
    if({live:UInt8} AND number % 5 = 0, 'running', 'succeeded') AS status,
    concat('task ', toString(task_id)), concat('P', toString(number % 8)), 1,
    fromUnixTimestamp64Milli(begin_ms, 'UTC'), fromUnixTimestamp64Milli(begin_ms, 'UTC'),
    if(status = 'running', NULL, fromUnixTimestamp64Milli(begin_ms + toInt64(1000 + h % 1800000), 'UTC')),
    toFloat64(h % 4 + 1), 4294967296, 'm5.4xlarge',
    concat('node-', toString((cityHash64(intDiv(number, {of_run:UInt64})) + number % {hosts_of_run:UInt64}) % {hosts:UInt64}))
FROM
(
    SELECT number, cityHash64(number) AS h, 1782864000000 + toInt64(intDiv(h, 7) % 82800000) AS begin_ms
    FROM numbers({attempts:UInt64})
)
