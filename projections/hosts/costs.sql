{% from "schemas/macros/hosts.sql" import hosts_of, version_of_run %}
{% from "schemas/macros/prices.sql" import all_branches_at_once, bought, fitting, offers_of %}
-- Rows of `host_costs` of the runs {run_ids} that are not what is stored. The rate of a host is shared, in each stretch of time between the
-- starts and ends of the attempts on it, among those at work by the CPUs that they asked for. With `so_far` the sum over the stretches
-- before a time of rate × ms ÷ active weight, an attempt costs weight × (so_far(end) - so_far(start)): exact up to 10⁻²⁴ of a nano-unit,
-- rounded to nine places. The first statement about a host also holds before it begins, and each until the next one. {from_ms}: no attempt of these runs
-- began before.
{% set nano -%}
    multiIf(
        isNotNull(o.per_hour), toInt64(assumeNotNull(o.per_hour) * 1000000000),
        isNotNull(o.per_cpu) AND cpu_thousandths > 0,
        toInt64(assumeNotNull(o.per_cpu) * 1000000000) * cpu_thousandths DIV 1000
            + toInt64(ifNull(o.per_gib, 0) * 1000000000) * memory_mib DIV 1024,
        NULL)
{%- endset %}
{% set scale = "toInt256('1000000000000000000000000')" %}
WITH
    mine AS
    (
        SELECT hostname, scope, run_id, attempts, first_ms, last_ms
        FROM host_attempts FINAL
        WHERE run_id IN {run_ids:Array(String)} AND hostname IN ({{ hosts_of("{run_ids:Array(String)}") }}) AND notEmpty(attempts)
    ),
    spans AS (SELECT hostname, scope, min(first_ms) AS span_from, max(last_ms) AS span_to FROM mine GROUP BY hostname, scope),
    stretches AS
    (
        SELECT
            hostname, owner AS scope,
            if(from_ms = min(from_ms) OVER (PARTITION BY hostname, owner), toInt64(0), from_ms) AS began,
            leadInFrame(from_ms, 1, toInt64(10413791999999)) OVER (
                PARTITION BY hostname, owner ORDER BY from_ms ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS until,
            tupleElement(said, 'machine_type') AS machine,
            lower(tupleElement(said, 'price_model')) AS told_model,
            tupleElement(said, 'zone') AS zone,
            tupleElement(said, 'cpu_thousandths') AS cpu_thousandths,
            tupleElement(said, 'memory_mib') AS memory_mib,
            '' AS executor,
            '' AS queue
        FROM (SELECT hostname, owner, from_ms, said FROM hosts FINAL WHERE hostname IN ({{ hosts_of("{run_ids:Array(String)}") }}))
    ),
    rates AS
    (
        SELECT
            hostname, scope,
            arraySort(r -> r.1, groupArrayArray(arrayMap(
                (cut, o, s) -> CAST(
                    (cut, {{ nano }}, {{ nano | replace("o.", "s.") }}, capacity, o.basis, machine),
                    'Tuple(since Int64, nano Nullable(Int64), spot_nano Nullable(Int64), capacity String, basis String, machine String)'),
                cuts,
                arrayMap(cut -> arrayFirst(o -> o.since <= cut, fitting_rates), cuts),
                arrayMap(cut -> arrayFirst(o -> o.since <= cut, spot_rates), cuts)))) AS host_rates
        FROM
        (
            SELECT
                t.hostname AS hostname, t.scope AS scope, t.machine AS machine, t.cpu_thousandths AS cpu_thousandths,
                t.memory_mib AS memory_mib, {{ bought }} AS bought,
                if(bought IN ('spot', 'on-demand'), bought, 'unknown') AS capacity,
                {{ fitting("bought") }} AS fitting_rates,
                {{ fitting("'spot'", alone=true) }} AS spot_rates,
                arrayDistinct(arrayPushFront(
                    arrayFilter(since -> since > t.began AND since < t.until, arrayMap(o -> o.since, p.offers)), t.began)) AS cuts
            FROM stretches AS t
            LEFT ANY JOIN {{ offers_of("SELECT DISTINCT machine FROM stretches") }} AS p ON t.machine = p.offered_type
        )
        GROUP BY hostname, scope
    ),
    edges AS
    (
        SELECT hostname, scope, edge.1 AS at, sum(edge.2) AS change
        FROM
        (
            SELECT
                a.hostname AS hostname, a.scope AS scope,
                arrayJoin(arrayConcat(
                    arrayMap(x -> (x.from_ms, x.weight), near), arrayMap(x -> (x.to_ms, -x.weight), near))) AS edge
            FROM
            (
                SELECT
                    o.hostname AS hostname, o.scope AS scope,
                    arrayFilter(x -> x.from_ms <= spans.span_to AND x.to_ms >= spans.span_from, o.attempts) AS near
                FROM
                (
                    SELECT hostname, scope, attempts, first_ms, last_ms
                    FROM host_attempts FINAL
                    WHERE hostname IN ({{ hosts_of("{run_ids:Array(String)}") }}) AND last_ms >= {from_ms:Int64}
                ) AS o
                INNER JOIN spans ON o.hostname = spans.hostname AND o.scope = spans.scope
                WHERE o.first_ms <= spans.span_to AND o.last_ms >= spans.span_from
            ) AS a
            UNION ALL
            SELECT hostname, scope, arrayJoin(arrayMap(r -> (r.since, toInt64(0)), host_rates)) AS edge FROM rates
        )
        GROUP BY hostname, scope, at
    ),
    timeline AS
    (
        SELECT
            hostname, scope, at,
            sum(step) OVER (
                PARTITION BY hostname, scope ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - step AS so_far,
            sum(spot_step) OVER (
                PARTITION BY hostname, scope ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - spot_step AS spot_so_far,
            sum(unknown_ms) OVER (
                PARTITION BY hostname, scope ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - unknown_ms AS unknown,
            sum(unknown_spot_ms) OVER (
                PARTITION BY hostname, scope ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
                - unknown_spot_ms AS unknown_spot,
            rate
        FROM
        (
            SELECT
                e.hostname AS hostname, e.scope AS scope, e.at AS at,
                arrayLast(r -> r.since <= e.at, rates.host_rates) AS rate,
                {% for name, of in (("step", "nano"), ("spot_step", "spot_nano")) %}
                if(active > 0, intDiv(toInt256(ifNull(rate.{{ of }}, 0)) * ms * {{ scale }}, greatest(1, active)), toInt256(0)) AS {{ name }},
                {% endfor %}
                if(active > 0 AND isNull(rate.nano), ms, toInt64(0)) AS unknown_ms,
                if(active > 0 AND isNull(rate.spot_nano), ms, toInt64(0)) AS unknown_spot_ms
            FROM
            (
                SELECT
                    hostname, scope, at,
                    sum(change) OVER (PARTITION BY hostname, scope ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS active,
                    leadInFrame(at, 1, at) OVER (
                        PARTITION BY hostname, scope ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) - at AS ms
                FROM edges
            ) AS e
            LEFT ANY JOIN rates ON e.hostname = rates.hostname AND e.scope = rates.scope
        )
    ),
    now AS
    (
        SELECT
            a.run_id AS run_id, a.task_id AS task_id, any(a.hostname) AS hostname,
            {% for name, sum, unknown in (("cost", "so_far", "unknown"), ("spot_cost", "spot_so_far", "unknown_spot")) %}
            if(sum(a.sign * t.{{ unknown }}) > 0, NULL,
                toDecimal128(toInt128(intDiv(
                    sum(a.sign * t.{{ sum }}) * any(a.weight) * 2 + 3600000 * {{ scale }}, 7200000 * {{ scale }})), 9)
                    / 1000000000) AS {{ name }},
            {% endfor %}
            argMin(t.rate, a.at) AS first_rate,
            first_rate.capacity AS capacity, first_rate.basis AS basis, first_rate.machine AS machine_type
        FROM
        (
            SELECT
                hostname, scope, run_id, arrayJoin(arrayConcat(
                    arrayMap(x -> (x.task_id, x.from_ms, toInt256(-1), x.weight), attempts),
                    arrayMap(x -> (x.task_id, x.to_ms, toInt256(1), x.weight), attempts))) AS end,
                end.1 AS task_id, end.2 AS at, end.3 AS sign, end.4 AS weight
            FROM mine
        ) AS a
        INNER JOIN timeline AS t ON a.hostname = t.hostname AND a.scope = t.scope AND a.at = t.at
        GROUP BY run_id, task_id
    ),
    stored AS (SELECT * FROM host_costs FINAL WHERE run_id IN {run_ids:Array(String)})
SELECT
    run_id, task_id, {{ version_of_run }} AS version, now.hostname AS hostname, toUInt8(now.hostname != '') AS on_host,
    now.cost AS cost, now.spot_cost AS spot_cost, now.capacity AS capacity, now.basis AS basis, now.machine_type AS machine_type
FROM now
FULL JOIN stored USING (run_id, task_id)
WHERE (now.hostname, now.cost, now.spot_cost, now.capacity, now.basis, now.machine_type)
    IS DISTINCT FROM (stored.hostname, stored.cost, stored.spot_cost, stored.capacity, stored.basis, stored.machine_type)
{{ all_branches_at_once }}
