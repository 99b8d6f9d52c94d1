-- Twelve tasks, in three processes, of each run of runs.sql.
SELECT
    concat(lower(hex(start_ms)), leftPad(lower(hex(r % 1048576)), 5, '0')) AS run_id,
    toInt64(task + 1) AS task_id,
    cityHash64(number, task) AS h,
    arrayElement(['NF:FASTQC', 'NF:ALIGN:STAR', 'NF:MULTIQC'], intDiv(task, 5) + 1) AS process,
    concat('sample_', toString(task)) AS sample,
    toInt32(1) AS attempt,
    multiIf(is_live AND task > 9, 'running', task = 9 AND r % 100 >= 82 AND r % 100 < 95, 'failed', 'succeeded') AS status,
    start_ms + task * 4000 AS begin_ms,
    toInt64(h % 5000) AS queued_ms,
    toInt64(1000 + h % 30000) AS ran_ms
FROM
(
    SELECT
        number,
        cityHash64(number) AS r,
        number >= {runs:UInt64} - {live:UInt64} AS is_live,
        toInt64({now_ms:Int64} - intDiv(({runs:UInt64} - number) * {days:UInt64} * 86400000, {runs:UInt64})) AS start_ms
    FROM numbers({runs:UInt64})
)
ARRAY JOIN range(12) AS task
