{% from "schemas/macros/tasks.sql" import task_facts %}
-- Figures of the runs {run_ids}, one row each, also for a run that has no task yet: the sums over its processes, which
-- refresh_processes.sql has written with the same version, and the peak over its tasks. Peak concurrency is half-open,
-- [start, complete): a task that starts when another ends is not beside it.
WITH
    asked AS
    (
        SELECT
            arrayJoin(arrayZip({run_ids:Array(String)}, {offsets:Array(Int64)})) AS pair,
            pair.1 AS run_id,
            bitShiftLeft(toUInt128(pair.2), 64) + {price_version:UInt64} AS version
    ),
    summed AS
    (
        SELECT
            run_id, version, sum(tasks) AS tasks, sum(open_tasks) AS open_tasks, sum(pending) AS pending, sum(submitted) AS submitted,
            sum(running) AS running, sum(succeeded) AS succeeded, sum(failed) AS failed, sum(ignored) AS ignored,
            sum(aborted) AS aborted, sum(cached) AS cached, sum(retried) AS retried, sum(cost) AS cost, sum(wasted) AS wasted,
            sum(unpriced) AS unpriced, sum(cpu_ms) AS cpu_ms
        FROM run_processes FINAL
        WHERE run_id IN {run_ids:Array(String)}
        GROUP BY run_id, version
    ),
    peaks AS
    (
        SELECT run_id, maxIntersections(from_ms, to_ms) AS peak
        FROM {{ task_facts("{run_ids:Array(String)}") }} AS task_facts
        GROUP BY run_id
    )
SELECT
    asked.run_id AS run_id,
    asked.version AS version,
    tasks,
    open_tasks,
    pending + submitted + running + succeeded + failed + aborted + cached AS total,
    pending, submitted, running, succeeded, failed, ignored, aborted, cached, retried,
    ifNull(peaks.peak, 0) AS peak,
    cost, wasted, unpriced, cpu_ms
FROM asked
LEFT ANY JOIN summed ON asked.run_id = summed.run_id AND asked.version = summed.version
LEFT ANY JOIN peaks ON asked.run_id = peaks.run_id
