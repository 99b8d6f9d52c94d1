{# What tasks cost: the rates that fit a machine, and the one formula. docs/cost.md says both in words, with examples that are tested. #}

{# At the end of each statement that prices many tasks. Else ClickHouse puts off what a branch holds until it knows which rows need it,
   and where that is a sum over an array it takes five times as long for it (17 µs of CPU a task instead of 3, on 26.9). So no branch may
   fail for what another one would have caught: divisors are above 0 by `greatest`. #}
{% set all_branches_at_once = "SETTINGS short_circuit_function_evaluation = 'disable'" %}

{# Rates of the price book in force, by machine type, for the types that the query {{ types }} gives: those of the queue first, then of
   the executor, then of the price model, then a told one before a history and that before an assumed one, then of the longest zone,
   then the newest. #}
{% macro offers_of(types) %}
(
    SELECT
        machine_type AS offered_type,
        arraySort(
            o -> (o.queue = '', o.executor = '', o.model = '', indexOf(['list', 'history', 'assumed'], o.basis), -length(o.zone), -o.since),
            groupArray(CAST(
                (lower(price_model), zone, executor, queue, valid_from_ms, per_hour, per_cpu_hour, per_gib_hour, per_gpu_hour,
                    vcpus, memory_mib, minimum_ms, basis),
                'Tuple(model String, zone String, executor String, queue String, since Int64, per_hour Nullable(Decimal(18, 9)),
                    per_cpu Nullable(Decimal(18, 9)), per_gib Nullable(Decimal(18, 9)), per_gpu Nullable(Decimal(18, 9)),
                    vcpus Int64, mib Int64, minimum_ms Int64, basis String)'))) AS offers
    FROM prices FINAL
    WHERE version = (SELECT max(version) FROM prices)
        AND machine_type IN ({{ types }})
    GROUP BY machine_type
)
{%- endmacro %}

{# The same, for the tasks of the runs {{ run_ids }}. #}
{% macro offers(run_ids, only=none) -%}
    {% set types %}
SELECT DISTINCT toString(ifNull(machine_type, '')) FROM tasks
            WHERE run_id IN {{ run_ids }}{{ ' AND ' ~ only if only else '' }}

            UNION ALL SELECT DISTINCT machine_type FROM machine_rules
    {%- endset %}
    {{ offers_of(types) }}
{%- endmacro %}

{# The rule of the price book in force that says on which machine a task ran that names none: (executor, queue, hostname, machine type,
   price model, zone), or empty texts. #}
{% set machine_rule -%}
    arrayFirst(
        rule -> ifNull(machine_type, '') = '' AND ifNull(executor, '') LIKE rule.1 AND ifNull(queue, '') LIKE rule.2
            AND ifNull(hostname, '') LIKE rule.3,
        (
            SELECT arrayMap(rule -> (rule.2, rule.3, rule.4, rule.5, rule.6, rule.7), arraySort(groupArray(
                (place, executor, queue, hostname, machine_type, price_model, zone))))
            FROM machine_rules FINAL
            WHERE version = (SELECT max(version) FROM prices)
        ))
{%- endset %}

{# How the machine of the task `t` was bought: spot, on-demand, another word, or '' where nobody told. #}
{% set bought -%}
    transform(
        t.told_model,
        ['standard', 'ondemand', 'on_demand', 'preemptible'], ['on-demand', 'on-demand', 'on-demand', 'spot'],
        t.told_model)
{%- endset %}

{# The rates of {{ offers }} that fit the task {{ t }} if its machine was bought as {{ how }} says; one bought nobody knows how pays what
   is asked on demand. `alone`: only rates of that price model, not those of any. #}
{% macro fitting(how, offers="p.offers", t="t.", alone=false) -%}
    arrayFilter(
        o -> {% if alone %}o.model = {{ how }}{% else %}(o.model IN ('', {{ how }}) OR ({{ how }} = '' AND o.model = 'on-demand')){% endif %}

            AND startsWith({{ t }}zone, o.zone)
            AND o.executor IN ('', ifNull({{ t }}executor, '')) AND o.queue IN ('', ifNull({{ t }}queue, '')),
        {{ offers }})
{%- endmacro %}

{# What the rate `o` asks of a task for `ms`, a Nullable Decimal(38, 9), rounded down: of a machine with a size the greater of the shares
   that its CPUs and its memory take, at most the whole; of one without a size the whole; else flat by CPU, GiB and GPU. NULL where
   there is no rate. #}
{% set rate_ms = "toDecimal128(o.per_hour, 9) * ms" %}
{% set stretch_cost -%}
    multiIf(
        isNotNull(o.per_hour) AND o.vcpus = 0 AND o.mib = 0,
        {{ rate_ms }} / 3600000,
        isNotNull(o.per_hour),
        least(
            {{ rate_ms }} / 3600000,
            greatest(
                {{ rate_ms }} * if(o.vcpus = 0, 0, cpu_thousandths) / (3600000000 * greatest(1, o.vcpus)),
                {{ rate_ms }} * if(o.mib = 0, 0, memory_mib) / (3600000 * greatest(1, o.mib)))),
        isNotNull(o.per_cpu),
        toDecimal128(o.per_cpu, 9) * ms * cpu_thousandths / 3600000000
            + toDecimal128(ifNull(o.per_gib, 0), 9) * ms * memory_mib / 3686400000
            + toDecimal128(ifNull(o.per_gpu, 0), 9) * ms * gpus / 3600000,
        NULL)
{%- endset %}

{# When, from `began` on and for `billed_ms`, one of the rates {{ rates }} begins to hold: `began` first. #}
{% macro cuts(rates) -%}
    arraySort(arrayDistinct(arrayPushBack(
        arrayMap(o -> greatest(o.since, began), arrayFilter(o -> o.since < began + billed_ms, {{ rates }})), began)))
{%- endmacro %}

{# The costs of the stretches of time between the {{ cuts }}, each by the rate that held then. #}
{% macro stretch_costs(rates, cuts) -%}
    arrayMap(
        (o, ms) -> {{ stretch_cost }},
        arrayMap(cut -> arrayFirst(o -> o.since <= cut, {{ rates }}), {{ cuts }}),
        arrayMap((cut, till) -> till - cut, {{ cuts }}, arrayPushBack(arrayPopFront({{ cuts }}), began + billed_ms)))
{%- endmacro %}

{# The sum of some stretches' costs: NULL where one is unknown. #}
{% macro sum_of(costs) -%}
    if(arrayExists(c -> isNull(c), {{ costs }}), NULL, arraySum(arrayMap(c -> assumeNotNull(c), {{ costs }})))
{%- endmacro %}
