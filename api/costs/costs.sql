{% from "schemas/macros/tasks.sql" import task_facts %}
-- What each process of a run cost, by the price book in force, and what it would have cost on spot machines only.
-- `unpriced` attempts ran at a price that is unknown; `unpriced_spot` attempts on a machine without a spot price.
-- `cpu_ms` is the CPU time asked for: CPUs × time, cached tasks left out.
SELECT
    process,
    count() AS tasks,
    countIf(ran) AS ran_tasks,
    sum(ifNull(task_cost, 0)) AS cost,
    sumIf(ifNull(task_cost, 0), shown IN ('failed', 'aborted')) AS wasted,
    countIf(isNull(task_cost)) AS unpriced,
    sum(if(ran, ifNull(toDecimal128(spot_per_hour, 9) * priced_ms / 3600000, 0), 0)) AS spot_cost,
    countIf(ran AND isNull(spot_per_hour)) AS unpriced_spot,
    sumIf(priced_ms * ifNull(cpus, 1.), ran) AS cpu_ms
FROM
(
    SELECT
        process, shown, cpus, priced_ms,
        task_facts.cost AS task_cost,
        shown != 'cached' AND (isNotNull(started_at) OR isNull(task_facts.cost)) AS ran,
        arrayFirst(o -> startsWith(ifNull(cloud_zone, ''), o.1), spot.offers).2 AS spot_per_hour
    FROM {{ task_facts("[{run_id:String}]") }} AS task_facts
    LEFT ANY JOIN
    (
        SELECT machine_type AS spot_type, arraySort(o -> -length(o.1), groupArray((zone, per_hour))) AS offers
        FROM prices FINAL
        WHERE version = (SELECT max(version) FROM prices) AND lower(price_model) = 'spot' AND machine_type != ''
        GROUP BY machine_type
    ) AS spot ON ifNull(task_facts.machine_type, '') = spot.spot_type
)
GROUP BY process
ORDER BY cost DESC, process
