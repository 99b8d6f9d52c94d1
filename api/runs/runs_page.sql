{% from "schemas/macros/run_filter.sql" import matches_filter with context %}
{% from "schemas/macros/runs.sql" import run_statuses %}
-- Ids of one page of runs, filtered, and sorted by {sort}: one of the columns by_…, which say what a list shows. NULLs, where it
-- shows nothing, come last in both directions; among equals the latest first append comes first. Only the columns that are asked
-- for are read. A page begins at {offset}.
SELECT run_id, first_ms
FROM
(
    SELECT
        *,
        lowerUTF8(name) AS by_name,
        nullIf(lowerUTF8(user_name), '') AS by_user_name,
        nullIf(lowerUTF8(pipeline), '') AS by_pipeline,
        start_ms AS by_started_at,
        completed_ms AS by_completed_at,
        duration_ms AS by_duration_ms,
        total AS by_total,
        failed AS by_failed,
        peak AS by_peak_concurrency,
        shown_cost AS by_cost
{% if by_status is defined %}
        , if(over, state, judged.status) AS by_status
{% endif %}
    FROM run_list FINAL
{% if by_status is defined %}
    LEFT ANY JOIN (SELECT run_id AS judged_run_id, status FROM {{ run_statuses(live=true) }}) AS judged ON run_id = judged_run_id
{% endif %}
)
WHERE {{ matches_filter }}
ORDER BY
    isNull({sort:Identifier}),
    if({descending:Bool}, NULL, {sort:Identifier}) ASC,
    if({descending:Bool}, {sort:Identifier}, NULL) DESC,
    first_ms DESC,
    run_id DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
