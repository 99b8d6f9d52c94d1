{% from "schemas/macros/hosts.sql" import version_of_run %}
{% from "schemas/macros/prices.sql" import all_branches_at_once %}
{% from "schemas/macros/tasks.sql" import known_count, missing_tasks, reported_counts, task_facts %}
-- Figures by process, of the runs {run_ids}, from what their tasks say now, and from the runner's last totals where these count more
-- tasks that ended than were told: so many of those that are known as pending ended too. {offsets}: the greatest offset of each of
-- these runs that had been inserted before this began; {price_version}: the price book that it is priced by; {marks}: see `host_marks`.
-- retried: tasks with a second or later attempt. Tasks may share a name, and an attempt may never be told, so of each name as many
-- as it has of that attempt above the first of which most are known.
{% set process_totals -%}
    Tuple(process String, succeeded Int64, failed Int64, ignored Int64, cached Int64, aborted Int64, retries Int64)
{%- endset %}
WITH
    of_tasks AS
    (
        WITH sumMapIf(
            [concat(toString(attempt), ' ', name)], [toUInt64(1)], attempt > 1 AND shown != 'cached') AS further_attempts
        SELECT
            run_id,
            toString(task_facts.process) AS process,
            count() AS tasks,
            countIf(rank < 4) AS open_tasks,
            countIf(shown = 'pending' AND NOT run_over) AS pending,
            countIf(shown = 'submitted') AS submitted,
            countIf(shown = 'running') AS running,
            countIf(shown = 'succeeded') AS succeeded,
            countIf(shown = 'failed' AND upper(ifNull(error_action, '')) != 'RETRY') AS failed,
            countIf(shown = 'failed' AND upper(ifNull(error_action, '')) = 'IGNORE') AS ignored,
            countIf(shown = 'aborted') AS aborted,
            countIf(shown = 'cached') AS cached,
            arraySum(arrayReduce('maxMap',
                arrayMap(key -> [substring(key, position(key, ' ') + 1)], tupleElement(further_attempts, 1)),
                arrayMap(number -> [number], tupleElement(further_attempts, 2))).2) AS retried,
            sum(ifNull(task_facts.cost, 0)) AS cost,
            sumIf(ifNull(task_facts.cost, 0), shown IN ('failed', 'aborted')) AS wasted,
            countIf(isNull(task_facts.cost)) AS unpriced,
            sumIf(ifNull(task_facts.cost, 0), capacity = 'spot') AS cost_spot,
            sumIf(ifNull(task_facts.cost, 0), capacity = 'on-demand') AS cost_on_demand,
            sumIf(ifNull(task_facts.cost, 0), cost_method = 'flat') AS cost_flat,
            sumIf(ifNull(task_facts.cost, 0), cost_method = 'host-sliced') AS cost_hosts,
            countIf(cost_method != '' AND basis = 'assumed') AS assumed,
            sumIf(ifNull(would_cost, 0), shown = 'cached') AS saved,
            sumIf(whole_cpu_ms, shown != 'cached') AS cpu_ms,
            min(if(shown = 'cached', NULL, submitted_at)) AS first_submitted_at,
            max(if(shown = 'cached' OR status = 'pending', NULL, ended_at)) AS last_completed_at,
            countIf(shown = 'pending' AND run_over) AS never_run,
            {{ reported_counts }}
        FROM {{ task_facts("{run_ids:Array(String)}") }} AS task_facts
        GROUP BY run_id, process
    ),
    of_runner AS
    (
        SELECT run_id, p.process AS process, max(p) AS totals, max(s) AS stored
        FROM
        (
            SELECT run_id, arrayJoin(process_totals.processes) AS p, toInt64(0) AS s
            FROM (SELECT run_id, process_totals FROM runs FINAL WHERE run_id IN {run_ids:Array(String)})
            UNION ALL
            SELECT run_id, CAST((t.process, 0, 0, 0, 0, 0, 0), '{{ process_totals }}') AS p, t.stored AS s
            FROM
            (
                SELECT run_id, arrayJoin(stored_totals.processes) AS t
                FROM (SELECT run_id, stored_totals FROM runs FINAL WHERE run_id IN {run_ids:Array(String)})
            )
        )
        GROUP BY run_id, process
    )
SELECT
    run_id,
    process,
    {{ version_of_run }} AS version,
    tasks, open_tasks, toUInt64(greatest(0, toInt64(f.pending) - missing)) AS pending, submitted, running,
    {% for kind in ("succeeded", "failed", "ignored", "aborted", "cached") %}
    {{ known_count(kind, "totals") }} AS {{ kind }},
    {% endfor %}
    retried, cost, wasted, unpriced, cpu_ms, first_submitted_at, last_completed_at,
    toUInt64(least(1000000000, stored)) AS stored,
    toUInt64(greatest(0, toInt64(f.never_run) - missing)) AS never_run,
    cost_spot, cost_on_demand, cost_flat, assumed, saved, cost_hosts
FROM
(
    SELECT *, {{ missing_tasks("totals") }} AS missing
    FROM of_tasks
    FULL JOIN of_runner USING (run_id, process)
) AS f
{{ all_branches_at_once }}
