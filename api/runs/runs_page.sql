{% from "schemas/macros/run_filter.sql" import matches_filter, searched %}
{% from "schemas/macros/runs.sql" import duration_ms, pipeline, run_rows, run_statuses, shown_cost %}
-- Ids of one page of runs, filtered, and sorted by {sort}: `first_ms`, or one of the columns by_…, which say what a list shows. NULLs,
-- where it shows nothing, come last in both directions; among equals the latest first append comes first. Only the columns that
-- are asked for are read.
-- A page begins after the run ({token_ms}, {token_id}), in the order of first append, or at {offset}, in any other.
SELECT run_id, first_ms
FROM
(
    SELECT
        *,
        {{ searched }} AS searched,
        ifNull(start_ms, first_ms) AS placed_ms,
        lowerUTF8(name) AS by_name,
        nullIf(lowerUTF8(user_name), '') AS by_user_name,
        nullIf(lowerUTF8({{ pipeline }}), '') AS by_pipeline,
        start_ms AS by_started_at,
        completed.completed_at AS by_completed_at,
        {{ duration_ms }} AS by_duration_ms
{% if by_figures is defined %}
        , status AS by_status
        , total AS by_total
        , failed AS by_failed
        , peak AS by_peak_concurrency
        , {{ shown_cost }} AS by_cost
    FROM {{ run_statuses() }}
{% else %}
    FROM {{ run_rows() }}
{% endif %}
)
WHERE {{ matches_filter }}
    AND (first_ms < {token_ms:Int64} OR (first_ms = {token_ms:Int64} AND run_id < {token_id:String}))
ORDER BY
    isNull({sort:Identifier}),
    if({descending:Bool}, NULL, {sort:Identifier}) ASC,
    if({descending:Bool}, {sort:Identifier}, NULL) DESC,
    first_ms DESC,
    run_id DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
