{% from "schemas/macros/dashboard.sql" import ended_runs %}
-- Ids of one page of runs that are over, in the order {sort}; runs whose size is not known come last where it sorts.
SELECT run_id
FROM {{ ended_runs() }}
ORDER BY
    if({sort:String} IN ('largest', 'smallest'), known_folder = 0 OR size < 0, 0),
    multiIf({sort:String} = 'largest', -size, {sort:String} = 'smallest', size, 0),
    if({sort:String} = 'name', lowerUTF8(name), ''),
    if({sort:String} = '-name', lowerUTF8(name), '') DESC,
    if({sort:String} = 'oldest', placed_ms, -placed_ms),
    run_id
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
