-- Work of ten hours: {tasks} tasks come at a steady pace, wait up to ten minutes, run from a second to two hours (most of them briefly).
-- Of a hundred one fails, one is a second attempt, and two come from the cache. The last {open} still run or wait.
SELECT
    {run_id:String} AS run_id,
    toInt64(number + 1) AS task_id,
    cityHash64(number) AS h,
    concat('NFCORE_SAREK:SAREK:STEP_', toString(h % 40), ':TOOL_', toString(h % 40)) AS process,
    concat('sample_', toString(intDiv(number, 40))) AS sample,
    toInt32(if(h % 100 = 1, 2, 1)) AS attempt,
    multiIf(
        number >= {tasks:UInt64} - {open:UInt64}, if(number % 2 = 0, 'running', 'submitted'),
        h % 100 = 0, 'failed', h % 100 IN (2, 3), 'cached', 'succeeded') AS status,
    {start_ms:Int64} + toInt64(number * 36000000 / {tasks:UInt64}) AS begin_ms,
    toInt64(h % 600000) AS queued_ms,
    toInt64(1000 + pow((intDiv(h, 1000) % 1000) / 1000, 6) * 7200000) AS ran_ms
FROM numbers({tasks:UInt64})
