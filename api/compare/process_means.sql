{% from "schemas/macros/tasks.sql" import task_lifecycles, work_done %}
-- What a task of each process took and cost in the runs {run_ids}, and on what it ran. Of attempts that ran; cached tasks did no work.
-- `tasks` are those of different names, `attempts` all of them. `cost` of them together and `unpriced`, those without a price, are the
-- figures that the projection keeps of each process: to price the tasks of six runs again takes most of the time.
SELECT
    t.*,
    ifNull(f.cost, toDecimal128(0, 9)) AS cost,
    if(f.process = '', t.attempts, f.unpriced) AS unpriced
FROM
(
    SELECT
        run_id, process,
        uniqExactIf(name, worked) AS tasks,
        countIf(worked) AS attempts,
        quantileExactLowIf(0.5)(ran_ms, worked AND shown = 'succeeded') AS task_ms,
        countIf(worked AND shown = 'succeeded') AS succeeded,
        quantileExactLowIf(0.5)(read, worked AND read > 0) AS read_bytes,
        {% for column in ("executor", "queue", "container", "machine_type", "price_model") %}
        arraySort(groupUniqArrayIf(5)(ifNull(toString({{ column }}), ''), worked AND ifNull(toString({{ column }}), '') != '')) AS {{ column }}s{{ "" if loop.last else "," }}
        {% endfor %}
    FROM
    (
        SELECT
            run_id, toString(process) AS process, name, shown, executor, queue, container, machine_type, price_model,
            toInt64(greatest(0, ifNull(read_bytes, 0))) AS read,
            {{ work_done }}
        FROM {{ task_lifecycles("{run_ids:Array(String)}") }} AS task_lifecycles
    )
    GROUP BY run_id, process
    HAVING attempts > 0
) AS t
LEFT ANY JOIN
(
    SELECT run_id, process, cost, unpriced
    FROM run_processes FINAL
    WHERE run_id IN {run_ids:Array(String)}
        AND (run_id, version) IN (SELECT run_id, max(version) FROM run_processes WHERE run_id IN {run_ids:Array(String)} GROUP BY run_id)
) AS f ON t.run_id = f.run_id AND t.process = f.process
ORDER BY run_id, process
