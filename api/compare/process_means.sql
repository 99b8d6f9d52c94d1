{% from "schemas/macros/tasks.sql" import task_facts, work_done %}
-- What a task of each process took and cost in the runs {run_ids}, and on what it ran. Of attempts that ran; cached tasks did no work.
-- `tasks` are those of different names, `attempts` all of them, `cost` of them together, `unpriced` those without a price.
SELECT
    run_id, process,
    uniqExactIf(name, worked) AS tasks,
    countIf(worked) AS attempts,
    quantileExactLowIf(0.5)(ran_ms, worked AND shown = 'succeeded') AS task_ms,
    countIf(worked AND shown = 'succeeded') AS succeeded,
    sum(ifNull(task_cost, 0)) AS cost,
    countIf(isNull(task_cost)) AS unpriced,
    quantileExactLowIf(0.5)(read, worked AND read > 0) AS read_bytes,
    {% for column in ("executor", "queue", "container", "machine_type", "price_model") %}
    arraySort(groupUniqArrayIf(5)(ifNull(toString({{ column }}), ''), worked AND ifNull(toString({{ column }}), '') != '')) AS {{ column }}s{{ "" if loop.last else "," }}
    {% endfor %}
FROM
(
    SELECT
        run_id, toString(process) AS process, name, shown, executor, queue, container, machine_type, price_model,
        task_facts.cost AS task_cost,
        toInt64(greatest(0, ifNull(read_bytes, 0))) AS read,
        {{ work_done }}
    FROM {{ task_facts("{run_ids:Array(String)}") }} AS task_facts
)
GROUP BY run_id, process
HAVING attempts > 0
ORDER BY run_id, process
