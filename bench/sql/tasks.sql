-- The tasks of ${said}, with all that a runner tells of a task.
INSERT INTO tasks (
    run_id, task_id, status, hash, name, process, tag, attempt, error_action, exit, native_id, submitted_at, started_at, completed_at,
    duration_ms, realtime_ms, cpus, memory_bytes, executor, queue, container, machine_type, price_model, cloud_zone, hostname, workdir,
    script, cpu_percent, peak_rss_bytes, read_bytes, write_bytes, read_chars, write_chars)
WITH
    status IN ('running', 'submitted') AS open,
    lower(hex(MD5(toString(h)))) AS hash
SELECT
    run_id, task_id, status, hash, concat(process, ' (', sample, ')'), process, sample, attempt,
    if(status = 'failed', 'RETRY', NULL), if(open, NULL, if(status = 'failed', 137, 0)), toString(h % 1000000),
    fromUnixTimestamp64Milli(begin_ms, 'UTC'),
    if(status = 'submitted', NULL, fromUnixTimestamp64Milli(begin_ms + queued_ms, 'UTC')),
    if(open, NULL, fromUnixTimestamp64Milli(begin_ms + queued_ms + ran_ms, 'UTC')),
    if(open, NULL, queued_ms + ran_ms), if(open, NULL, intDiv(ran_ms * 9, 10)),
    toFloat64(h % 8 + 1), toInt64((h % 16 + 1) * 1073741824), 'awsbatch', 'spot-queue',
    concat('quay.io/biocontainers/tool:', toString(h % 40)),
    arrayElement(['m5.large', 'm5.xlarge', 'c6i.2xlarge', 'r5.4xlarge'], h % 4 + 1), if(h % 3 = 0, 'standard', 'spot'), 'us-east-1a',
    concat('ip-10-0-', toString(h % 16), '-', toString(intDiv(h, 16) % 64)), concat('/data/work/', substring(hash, 1, 2), '/', hash),
    concat('#!/bin/bash -euo pipefail\n', repeat('tool --threads 8 --input reads.fastq.gz --output out.bam\n', 8)),
    toFloat64(h % 800), toInt64(h % 17179869184), toInt64(h % 1099511627776), toInt64(h % 99511627776), toInt64(h % 1099511627776),
    toInt64(h % 99511627776)
FROM (${said})
