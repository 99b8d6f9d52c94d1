{% from "schemas/macros/hosts.sql" import version_of_run %}
{% from "schemas/macros/tasks.sql" import known_count, missing_of_processes, missing_tasks, reported_counts, task_lifecycles %}
-- Figures of the runs {run_ids}, one row each, also for a run that has no task yet: the sums over its processes, which
-- refresh_processes.sql has written with the same version, and the peak over its tasks. Where the totals of a run that is over
-- count more tasks than it told, those are `missing`, and the counts are the runner's; of one that is not, those that its processes'
-- totals count: its newest totals may be ahead of its tasks. Peak concurrency is half-open,
-- [start, complete): a task that starts when another ends is not beside it.
WITH
    asked AS
    (
        SELECT
            arrayJoin({run_ids:Array(String)}) AS run_id,
            {{ version_of_run }} AS version
    ),
    summed AS
    (
        SELECT
            run_id, version, sum(tasks) AS tasks, sum(open_tasks) AS open_tasks, sum(pending) AS pending, sum(submitted) AS submitted,
            sum(running) AS running, sum(succeeded) AS succeeded, sum(failed) AS failed, sum(ignored) AS ignored,
            sum(aborted) AS aborted, sum(cached) AS cached, sum(retried) AS retried, sum(cost) AS cost, sum(wasted) AS wasted,
            sum(unpriced) AS unpriced, sum(toInt128(cpu_ms)) AS cpu_ms, sum(cost_spot) AS cost_spot, sum(cost_on_demand) AS cost_on_demand,
            sum(cost_flat) AS cost_flat, sum(assumed) AS assumed, sum(saved) AS saved,
            sum(cost_hosts) AS cost_hosts,
            sum(stored) AS stored, sum(never_run) AS never_run
        FROM run_processes FINAL
        WHERE run_id IN {run_ids:Array(String)}
        GROUP BY run_id, version
    ),
    of_tasks AS
    (
        SELECT run_id, maxIntersections(from_ms, to_ms) AS peak, {{ reported_counts }}
        FROM {{ task_lifecycles("{run_ids:Array(String)}") }} AS task_lifecycles
        GROUP BY run_id
    ),
    totals AS
    (
        SELECT run_id, progress, 1 AS over
        FROM (SELECT run_id, progress, completed FROM runs FINAL WHERE run_id IN {run_ids:Array(String)})
        WHERE completed.hash != 0
    )
SELECT
    run_id, version, tasks, open_tasks,
    pending + submitted + running + succeeded + failed + aborted + cached AS total,
    pending, submitted, running,
    {% for kind in ("succeeded", "failed", "ignored", "aborted", "cached") %}
    if(f.over, {{ known_count(kind, "progress") }}, f.{{ kind }}) AS {{ kind }},
    {% endfor %}
    retried, ifNull(f.peak, 0) AS peak, cost, wasted, unpriced, cpu_ms,
    toUInt64(f.missing) AS missing, stored, never_run, cost_spot, cost_on_demand, cost_flat, assumed, saved, cost_hosts
FROM
(
    SELECT
        asked.run_id AS run_id, asked.version AS version, summed.* EXCEPT (run_id, version), of_tasks.* EXCEPT run_id,
        totals.progress AS progress, totals.over AS over,
        if(over, {{ missing_tasks("progress") }}, {{ missing_of_processes }}) AS missing
    FROM asked
    LEFT ANY JOIN summed ON asked.run_id = summed.run_id AND asked.version = summed.version
    LEFT ANY JOIN of_tasks ON asked.run_id = of_tasks.run_id
    LEFT ANY JOIN totals ON asked.run_id = totals.run_id
) AS f
