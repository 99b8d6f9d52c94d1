{% from "schemas/macros/run_filter.sql" import matches_filter, placed_ms with context %}
-- What the runs of a filter cost together, in groups {by}: pipeline, user, label, capacity, day of the start (UTC), or whole for one group
-- of all. The dearest {limit} groups. A run with several labels counts under each; its cost by capacity is split.
SELECT
    key,
    sum(amount) AS amount,
    sum(lost) AS wasted,
    count() AS runs,
    sum(unpriced) AS unpriced_tasks,
    sum(missing) AS missing_tasks
FROM
(
    SELECT
        unpriced,
        missing,
        arrayJoin(multiIf(
            {by:String} = 'pipeline', [(pipeline, cost, wasted)],
            {by:String} = 'user', [(if(user_name != '', user_name, owner), cost, wasted)],
            {by:String} = 'label', arrayMap(label -> (label, cost, wasted), if(empty(labels), [''], labels)),
            {by:String} = 'capacity', arrayFilter(
                part -> part.2 > 0 OR (part.1 = 'unknown' AND cost = 0),
                [('spot', cost_spot, zero), ('on-demand', cost_on_demand, zero), ('unknown', cost - cost_spot - cost_on_demand, zero)]),
            {by:String} = 'day', [(toString(toDate(fromUnixTimestamp64Milli({{ placed_ms }}, 'UTC'))), cost, wasted)],
            [('', cost, wasted)]) AS parts) AS part,
        part.1 AS key,
        part.2 AS amount,
        part.3 AS lost
    FROM (SELECT *, toDecimal128(0, 9) AS zero FROM run_list FINAL)
    WHERE {{ matches_filter }}
)
GROUP BY key
ORDER BY if({by:String} = 'day', key, '') DESC, amount DESC, key
LIMIT {limit:UInt32}
