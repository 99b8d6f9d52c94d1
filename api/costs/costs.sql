{% from "schemas/macros/prices.sql" import all_branches_at_once, cuts, fitting, stretch_costs, sum_of %}
{% from "schemas/macros/tasks.sql" import task_facts %}
{% set totals = (
    "tasks", "cost", "wasted", "unpriced", "spot_cost", "unpriced_spot", "cpu_ms", "cost_of_spot", "cost_of_on_demand",
    "cpu_ms_of_spot", "cpu_ms_of_on_demand", "assumed", "saved", "unpriced_saved", "measured_tasks", "used_cpu_ms", "measured_cpu_ms",
    "used_mib_ms", "measured_mib_ms", "unused", "unpriced_wasted", "unpriced_of_spot", "unpriced_of_on_demand", "unpriced_measured") %}
-- What each process of a run cost (of more than {most} the cheapest together), and what it would have cost on spot machines only, by the price book in force.
-- unpriced       attempts that ran at a price that is unknown, and of these such that wasted, were of a capacity, or were measured;
--                `unpriced_spot`: on a machine without a spot price
-- cpu_ms         CPU time asked for: CPUs × time, cached tasks left out; used_cpu_ms: the part that was used of measured_cpu_ms, that of
--                the attempts that were measured. In the same way memory, in MiB × ms. All of them whole, of each attempt rounded down,
--                so that a sum of them is the same in any order.
-- unused         of the cost of measured attempts what no use was made of: the rest beside the greater share that its CPUs and its
--                memory were used to
-- first_ms, last_ms   first submission, last completion (NULL: none); simulated_ms: the last completion if nothing had failed: of the
--                tasks of one name the last, less the time of failed and aborted attempts of that name from submission to end
WITH
    priced AS
    (
        SELECT *, {{ stretch_costs("spot_rates", "spot_cuts") }} AS spot_stretches
        FROM
        (
            SELECT *, {{ cuts("spot_rates") }} AS spot_cuts
            FROM
            (
                SELECT
                    process, name, status, shown, cpus, cpu_percent, peak_rss_bytes, submitted_at, started_at, ended_at, priced_ms,
                    whole_cpu_ms, began, billed_ms, cpu_thousandths, memory_mib, gpus, capacity, cost_method, basis, would_cost,
                    on_host, host_spot_cost,
                    task_facts.cost AS task_cost, {{ fitting("'spot'", "offers", "", true) }} AS spot_rates
                FROM {{ task_facts("[{run_id:String}]") }} AS task_facts
            )
        )
    ),
    of_names AS
    (
        SELECT
            process, name,
            count() AS tasks,
            sum(ifNull(task_cost, 0)) AS cost,
            sumIf(ifNull(task_cost, 0), over_badly) AS wasted,
            countIf(isNull(task_cost)) AS unpriced,
            countIf(isNull(task_cost) AND over_badly) AS unpriced_wasted,
            countIf(isNull(task_cost) AND capacity = 'spot') AS unpriced_of_spot,
            countIf(isNull(task_cost) AND capacity = 'on-demand') AS unpriced_of_on_demand,
            countIf(isNull(task_cost) AND measured) AS unpriced_measured,
            sumIf(ifNull(on_spot, 0), ran) AS spot_cost,
            countIf(ran AND isNull(on_spot)) AS unpriced_spot,
            sumIf(whole_cpu_ms, ran) AS cpu_ms,
            sumIf(ifNull(task_cost, 0), capacity = 'spot') AS cost_of_spot,
            sumIf(ifNull(task_cost, 0), capacity = 'on-demand') AS cost_of_on_demand,
            sumIf(whole_cpu_ms, ran AND capacity = 'spot') AS cpu_ms_of_spot,
            sumIf(whole_cpu_ms, ran AND capacity = 'on-demand') AS cpu_ms_of_on_demand,
            groupUniqArrayIf(capacity, ran) AS capacities,
            groupUniqArrayIf(cost_method, cost_method != '') AS methods,
            countIf(cost_method != '' AND basis = 'assumed') AS assumed,
            sumIf(ifNull(would_cost, 0), shown = 'cached') AS saved,
            countIf(shown = 'cached' AND isNull(would_cost)) AS unpriced_saved,
            countIf(measured) AS measured_tasks,
            sumIf(used_cpu, measured) AS used_cpu_ms,
            sumIf(whole_cpu_ms, measured) AS measured_cpu_ms,
            sumIf(intDiv(toInt128(ifNull(peak_rss_bytes, 0)) * priced_ms, 1048576), measured AND memory_mib > 0) AS used_mib_ms,
            sumIf(toInt128(memory_mib) * priced_ms, measured AND memory_mib > 0) AS measured_mib_ms,
            sumIf(ifNull(task_cost, 0) * unused_millionths / 1000000, measured) AS unused,
            min(if(shown = 'cached', NULL, toUnixTimestamp64Milli(submitted_at))) AS first_ms,
            max(if(shown = 'cached' OR status = 'pending', NULL, toUnixTimestamp64Milli(ended_at))) AS last_ms,
            sumIf(greatest(0, ifNull(toUnixTimestamp64Milli(ended_at) - toUnixTimestamp64Milli(submitted_at), 0)), over_badly) AS lost_ms
        FROM
        (
            SELECT
                *,
                shown != 'cached' AND (isNotNull(started_at) OR isNull(task_cost)) AS ran,
                shown IN ('failed', 'aborted') AS over_badly,
                if(on_host, host_spot_cost, {{ sum_of("spot_stretches") }}) AS on_spot,
                ran AND isNotNull(cpu_percent) AND cpu_percent >= 0 AS measured,
                toInt128(least(100000., greatest(0., ifNull(cpu_percent, 0.))) / 100 * priced_ms) AS used_cpu,
                toInt64(1000000 * (1 - least(1., greatest(
                    ifNull(cpu_percent, 0.) / 100 / greatest(0.001, ifNull(cpus, 1.)),
                    if(memory_mib > 0, ifNull(peak_rss_bytes, 0) / 1048576 / memory_mib, 0.))))) AS unused_millionths
            FROM priced
        )
        GROUP BY process, name
    ),
    of_processes AS
    (
        SELECT
            process,
            {% for total in totals %}
            sum(n.{{ total }}) AS {{ total }},
            {% endfor %}
            arraySort(groupUniqArrayArray(n.capacities)) AS capacities,
            arraySort(groupUniqArrayArray(n.methods)) AS methods,
            min(n.first_ms) AS first_ms,
            max(n.last_ms) AS last_ms,
            max(greatest(n.last_ms - n.lost_ms, n.first_ms)) AS simulated_ms
        FROM of_names AS n
        GROUP BY process
    )
SELECT
    if(place <= {most:UInt32}, of_processes.process, '(other processes)') AS process,
    {% for total in totals %}
    sum(of_processes.{{ total }}) AS {{ total }},
    {% endfor %}
    arraySort(groupUniqArrayArray(of_processes.capacities)) AS capacities,
    arraySort(groupUniqArrayArray(of_processes.methods)) AS methods,
    min(of_processes.first_ms) AS first_ms,
    max(of_processes.last_ms) AS last_ms,
    max(of_processes.simulated_ms) AS simulated_ms
FROM (SELECT *, row_number() OVER (ORDER BY cost DESC, process) AS place FROM of_processes) AS of_processes
GROUP BY process
ORDER BY cost DESC, process
{{ all_branches_at_once }}
