{% from "schemas/macros/runs.sql" import duration_ms, manifest_names, pipeline, run_rows, run_statuses, shown_cost, source %}
-- Ids of one page of runs, filtered, and sorted by {sort}: `first_ms`, or one of the columns by_…, which say what a list shows. NULLs,
-- where it shows nothing, come last in both directions; among equals the latest first append comes first. Only the columns that
-- are asked for are read.
-- An empty text or list does not filter, nor do the least and the greatest time; hidden runs come only if {hidden}.
-- {after_ms} <= start < {before_ms}, where a run without a start is placed by its first append.
-- A run that is over has the status that its end reported; only those of the others, which are few, need be judged.
-- What a manifest alone names is found by single rows; with OR, which evaluates by row, a search takes twice the time of bitOr.
-- A page begins after the run ({token_ms}, {token_id}), in the order of first append, or at {offset}, in any other.
SELECT run_id, first_ms
FROM
(
    SELECT
        *,
        concat(
            name, '\n', session_id, '\n', user_name, '\n', project_name, '\n', repository, '\n', arrayStringConcat(labels, '\n')
        ) AS searched,
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
WHERE (empty({statuses:Array(String)}) OR if(over, completed.state IN {statuses:Array(String)}, run_id IN (
        SELECT run_id
        FROM {{ run_statuses(over_since="9223372036854775807") }}
        WHERE status IN {statuses:Array(String)})))
    AND ({search:String} = '' OR bitOr(
        positionCaseInsensitiveUTF8(searched, {search:String}) > 0,
        {{ manifest_names("positionCaseInsensitiveUTF8(manifest_name, {search:String}) > 0") }}))
    AND ({pipeline:String} = '' OR bitOr(
        {{ source }} = {pipeline:String} AND NOT {{ manifest_names("manifest_name != ''") }},
        {{ manifest_names("manifest_name = {pipeline:String}") }}))
    AND ({label:String} = '' OR has(labels, {label:String}))
    AND ({hidden:Bool} OR NOT hidden)
    AND ({user:String} = '' OR user_name = {user:String} OR owner = {user:String})
    AND ({session_id:String} = '' OR session_id = {session_id:String})
    AND ({after_ms:Int64} = -9223372036854775807 OR placed_ms >= {after_ms:Int64})
    AND ({before_ms:Int64} = 9223372036854775807 OR placed_ms < {before_ms:Int64})
    AND (first_ms < {token_ms:Int64} OR (first_ms = {token_ms:Int64} AND run_id < {token_id:String}))
ORDER BY
    isNull({sort:Identifier}),
    if({descending:Bool}, NULL, {sort:Identifier}) ASC,
    if({descending:Bool}, {sort:Identifier}, NULL) DESC,
    first_ms DESC,
    run_id DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
