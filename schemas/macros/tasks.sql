{% from "schemas/macros/prices.sql" import bought, cuts, fitting, machine_rule, offers, stretch_costs, sum_of %}
{# How a task `t` stands once its run `r` of {{ run_ends }} has closed what was open: see {{ task_facts }}. #}
{% set lifecycle -%}
r.over AND t.rank < 4 AND (t.rank > 1 OR r.state = 'succeeded') AS inferred,
    if(inferred, if(r.state = 'succeeded', 'succeeded', 'aborted'), t.status) AS shown,
    r.over AS run_over,
    coalesce(t.completed_at, if(r.over, r.ended_at, NULL)) AS ended_at,
    r.heard_at AS heard_at,
    if(t.status = 'cached', NULL, toUnixTimestamp64Milli(t.started_at)) AS started_ms,
    ifNull(toUnixTimestamp64Milli(ended_at), 9223372036854775807) AS ended_ms,
    if(ended_ms > started_ms, started_ms, NULL) AS from_ms,
    if(isNull(from_ms), NULL, ended_ms) AS to_ms
{%- endset %}
{% macro run_ends(run_ids) -%}
LEFT ANY JOIN
(
    SELECT
        run_id AS ended_run_id,
        last_instant AS heard_at,
        tupleElement(completed, 'hash') != 0 AS over,
        tupleElement(completed, 'state') AS state,
        coalesce(
            tupleElement(completed, 'completed_at'),
            if(tupleElement(completed, 'instant') > 0,
                fromUnixTimestamp64Milli(tupleElement(completed, 'instant'), 'UTC'), NULL),
            last_instant) AS ended_at
    FROM runs FINAL
    WHERE run_id IN {{ run_ids }}
) AS r ON t.run_id = r.ended_run_id
{%- endmacro %}

{# The tasks of the runs {{ run_ids }} as `task_facts` gives them, but for what they cost: planned in half the time. `only`: a condition
   on tasks. #}
{% macro task_lifecycles(run_ids, only=none) %}
(
SELECT t.*, {{ lifecycle }}
FROM (SELECT *, rank FROM tasks FINAL WHERE run_id IN {{ run_ids }}{{ ' AND ' ~ only if only else '' }}) AS t
{{ run_ends(run_ids) }}
)
{%- endmacro %}

{# Of a task of {{ task_lifecycles }}: whether it ran and ended (`worked`), and for how long (`ran_ms`), by its own clock where that is known. #}
{% set work_done -%}
toInt64(greatest(0, least(315360000000,
            ifNull(realtime_ms, ifNull(toUnixTimestamp64Milli(completed_at) - toUnixTimestamp64Milli(started_at), 0))))) AS ran_ms,
        shown IN ('succeeded', 'failed', 'aborted') AND (isNotNull(realtime_ms) OR (isNotNull(started_at) AND isNotNull(completed_at)))
            AS worked
{%- endset %}

{# The tasks of the runs {{ run_ids }} with what follows from them: how they are shown once the run's end has closed what was open,
   the ms that they lasted, and their cost. The one definition behind the figures, the lists and the charts.

   shown     running and submitted become succeeded, or aborted, when the run has ended (`inferred`). Pending ones become succeeded
             when the run has; else they never ran, and stay.
   from_ms, to_ms   the interval [start, complete) for concurrency: NULL for cached, zero-length and never started tasks; an open
             one lasts to the run's end, or without an end for ever.
   would_cost  per attempt from (start, complete), never from realtime; an open one so far, by the runner's own clock. An unknown
             price is NULL. The caps keep the product of hostile figures within Decimal(38, 9).
   cost      the same, but cached and never started ones cost 0.
   whole_cpu_ms  the CPUs it asked for × `priced_ms`, whole, so that a sum of them is the same in any order.
   cost_method  host-sliced (see `host_costs`), share-of-machine or flat; '' where nothing was priced. `basis`: list, history or
             assumed; capacity: spot, on-demand or unknown.
   `only`: a condition on tasks by their key, such as on task_id: others are not read. #}
{% macro task_facts(run_ids, only=none) %}
(
SELECT
    *,
    multiIf(isNull(started_at), toDecimal128(0, 9), on_host, host_cost, {{ sum_of("stretches") }}) AS would_cost,
    if(status = 'cached', toDecimal128(0, 9), would_cost) AS cost,
    multiIf(
        status = 'cached' OR isNull(started_at) OR isNull(would_cost), '',
        on_host, 'host-sliced',
        isNotNull(rate.per_hour), 'share-of-machine',
        'flat') AS cost_method
FROM
(
SELECT *, {{ stretch_costs("rates", "cuts") }} AS stretches
FROM
(
SELECT
    *,
    multiIf(on_host, host_capacity, bought IN ('spot', 'on-demand'), bought, 'unknown') AS capacity,
    arrayFirst(o -> o.since <= began, rates) AS rate,
    if(on_host, host_basis, rate.basis) AS basis,
    greatest(priced_ms, rate.minimum_ms) AS billed_ms,
    {{ cuts("rates") }} AS cuts
FROM
(
SELECT
    t.*,
    {{ lifecycle }},
    least(315360000000, greatest(0, ifNull(
        toUnixTimestamp64Milli(coalesce(ended_at, r.heard_at)) - toUnixTimestamp64Milli(t.started_at), 0))) AS priced_ms,
    toInt64(least(1000000000., round(ifNull(t.cpus, 1.) * 1000.))) AS cpu_thousandths,
    intDiv(toInt128(priced_ms) * cpu_thousandths, 1000) AS whole_cpu_ms,
    least(1073741824, intDiv(ifNull(t.memory_bytes, 0), 1048576)) AS memory_mib,
    least(1000, ifNull(t.accelerators, 0)) AS gpus,
    ifNull(toUnixTimestamp64Milli(t.started_at), 0) AS began,
    {{ bought }} AS bought,
    h.was_on_host = 1 AND t.status != 'cached' AS on_host,
    h.cost_there AS host_cost,
    h.spot_cost_there AS host_spot_cost,
    toString(h.capacity_there) AS host_capacity,
    toString(h.basis_there) AS host_basis,
    p.offers AS offers,
    {{ fitting("bought") }} AS rates
FROM
(
    SELECT
        *, rank,
        {{ machine_rule }} AS rule,
        if(ifNull(machine_type, '') != '', toString(machine_type), rule.4) AS machine,
        lower(if(ifNull(price_model, '') != '', toString(price_model), rule.5)) AS told_model,
        if(ifNull(cloud_zone, '') != '', toString(cloud_zone), rule.6) AS zone
    FROM tasks FINAL
    WHERE run_id IN {{ run_ids }}{{ ' AND ' ~ only if only else '' }}
) AS t
{{ run_ends(run_ids) }}
LEFT ANY JOIN {{ offers(run_ids, only) }} AS p ON t.machine = p.offered_type
LEFT ANY JOIN
(
    SELECT
        run_id AS host_run, task_id AS host_task, on_host AS was_on_host, cost AS cost_there, spot_cost AS spot_cost_there,
        capacity AS capacity_there, basis AS basis_there
    FROM host_costs FINAL
    WHERE run_id IN {{ run_ids }}{{ ' AND ' ~ only if only else '' }}

) AS h ON t.run_id = h.host_run AND t.task_id = h.host_task
)
)
)
)
{%- endmacro %}

{# What of the tasks of `task_facts` was reported one by one, to be held against the runner's totals. `closed_…`: what ran and was
   closed by the run's end. A pending one of a run that succeeded is not there: how it ended was not told. #}
{% set reported_counts -%}
    toInt64(countIf(status = 'succeeded')) AS told_succeeded,
    toInt64(countIf(status = 'failed' AND upper(ifNull(error_action, '')) != 'RETRY')) AS told_failed,
    toInt64(countIf(status = 'failed' AND upper(ifNull(error_action, '')) = 'IGNORE')) AS told_ignored,
    toInt64(countIf(status = 'aborted')) AS told_aborted,
    toInt64(countIf(status = 'cached')) AS told_cached,
    toInt64(countIf(inferred AND rank > 1 AND shown = 'succeeded')) AS closed_succeeded,
    toInt64(countIf(inferred AND rank > 1 AND shown = 'aborted')) AS closed_aborted
{%- endset %}

{# How many tasks the totals (a tuple, of no more than 10^9 each) count above `reported_counts`. #}
{% macro missing_tasks(totals) -%}
    greatest(0, least(1000000000, {{ totals }}.succeeded) - told_succeeded - closed_succeeded)
    + greatest(0, least(1000000000, {{ totals }}.failed) - least(1000000000, {{ totals }}.retries) - told_failed)
    + greatest(0, least(1000000000, {{ totals }}.aborted) - told_aborted - closed_aborted)
    + greatest(0, least(1000000000, {{ totals }}.cached) - told_cached)
{%- endmacro %}

{# How many tasks the figures of all processes of a run that is not over count above `reported_counts`. #}
{% set missing_of_processes -%}
    greatest(0, toInt64(succeeded) - told_succeeded) + greatest(0, toInt64(failed) - told_failed)
    + greatest(0, toInt64(aborted) - told_aborted) + greatest(0, toInt64(cached) - told_cached)
{%- endset %}

{# The count of one kind to show, of the counts `f`: where tasks are missing the runner's, but never less than what was told. #}
{% macro known_count(kind, totals) -%}
    {% set retried = " - least(1000000000, " ~ totals ~ ".retries)" if kind == "failed" else "" -%}
    toUInt64(if(f.missing > 0, greatest(told_{{ kind }}, least(1000000000, {{ totals }}.{{ kind }}){{ retried }}), toInt64(f.{{ kind }})))
{%- endmacro %}
