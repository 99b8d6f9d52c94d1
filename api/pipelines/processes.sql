-- The processes of the runs {run_ids}, those that take longest first. Durations in ms.
SELECT
    process,
    count() AS runs,
    sum(tasks) AS tasks,
    sum(failed) AS failed,
    sum(retried) AS retried,
    quantileExactIf(0.5)(wallclock_ms, isNotNull(wallclock_ms)) AS wallclock_p50_ms,
    countIf(isNotNull(wallclock_ms)) AS timed_runs,
    quantileExactIf(0.5)(cost, unpriced = 0 AND cost > 0) AS cost_p50,
    countIf(unpriced = 0 AND cost > 0) AS priced_runs
FROM
(
    SELECT *, toUnixTimestamp64Milli(last_completed_at) - toUnixTimestamp64Milli(first_submitted_at) AS span_ms, if(span_ms < 0, 0, span_ms) AS wallclock_ms
    FROM run_processes FINAL
    WHERE run_id IN {run_ids:Array(String)}
)
GROUP BY process
ORDER BY timed_runs > 0 DESC, wallclock_p50_ms DESC, process
LIMIT {limit:UInt32}
