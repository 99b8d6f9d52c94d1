-- What the task timeline shows of a window: of the attempts of a run that were told a time, filtered and laid out in rows, those
-- within {from_ms}..{to_ms} and rows {from_row}..{to_row}. With more than {bars} of them, neighbours become one bar: `attempts` of
-- them between `top` and `bottom`, in the colour of what most needs a look. Cached attempts did no work here and are left out.
-- Rows are sorted by group, then by start in steps of 30 s, then by completion; each group has a row of its own for its name.
-- An open attempt is drawn up to {last_ms}, the runner's last word.
SELECT
    min(y) AS top,
    max(y) + 1 AS bottom,
    count() AS attempts,
    min(begin_ms) AS bar_begin_ms,
    min(start_ms) AS bar_start_ms,
    max(execution_end_ms) AS bar_execution_end_ms,
    max(end_ms) AS bar_end_ms,
    multiIf(
        countIf(status = 'failed') > 0, 'failed', countIf(status = 'aborted') > 0, 'aborted', countIf(status = 'running') > 0, 'running',
        countIf(status = 'submitted') > 0, 'submitted', countIf(status = 'succeeded') > 0, 'succeeded', 'pending') AS bar_status,
    min(task_id) AS first_task_id,
    argMin(name, task_id) AS first_name,
    argMin(process, task_id) AS first_process,
    argMin(attempt, task_id) AS first_attempt,
    group_name,
    any(total) AS all_attempts,
    any(last_row) AS all_rows,
    any(first_ms) AS all_begin_ms,
    any(final_ms) AS all_end_ms
FROM
(
    SELECT *, row_number() OVER (ORDER BY y) - 1 AS place, count() OVER () AS inside
    FROM
    (
        SELECT
            task_id, name, process, attempt, status, begin_ms, start_ms, execution_end_ms, end_ms, group_name,
            row_number() OVER (ORDER BY group_name, intDiv(start_ms, 30000), end_ms, task_id) - 1
                + if({group:String} = '', 0, dense_rank() OVER (ORDER BY group_name)) AS y,
            count() OVER () AS total,
            count() OVER () + if({group:String} = '', 0, uniqExact(group_name) OVER ()) AS last_row,
            min(begin_ms) OVER () AS first_ms,
            max(end_ms) OVER () AS final_ms
        FROM
        (
            SELECT
                task_id, name, process, attempt, shown AS status,
                assumeNotNull(coalesce(toUnixTimestamp64Milli(submitted_at), toUnixTimestamp64Milli(started_at))) AS begin_ms,
                greatest(begin_ms, ifNull(started_ms, begin_ms)) AS start_ms,
                greatest(start_ms, if(ended_ms = 9223372036854775807, {last_ms:Int64}, ended_ms)) AS end_ms,
                multiIf(
                    isNull(started_ms), start_ms,
                    isNull(completed_at) OR ifNull(realtime_ms, 0) <= 0, end_ms,
                    least(end_ms, start_ms + least(realtime_ms, 315360000000))) AS execution_end_ms,
                multiIf(
                    {group:String} = 'process', process,
                    {group:String} = 'host', concat(ifNull(hostname, ''), ' ', ifNull(machine_type, ''), ' ', ifNull(price_model, '')),
                    {group:String} = 'machine', ifNull(machine_type, ''),
                    {group:String} = 'capacity', ifNull(price_model, ''), '') AS group_name
            FROM task_facts(run_ids = [{run_id:String}])
            WHERE shown != 'cached'
                AND (isNotNull(submitted_at) OR isNotNull(started_at))
                AND (empty({statuses:Array(String)}) OR shown IN {statuses:Array(String)})
                AND ({search:String} = '' OR positionCaseInsensitiveUTF8(name, {search:String}) > 0)
        )
    )
    WHERE end_ms >= {from_ms:Int64} AND begin_ms <= {to_ms:Int64} AND y >= {from_row:Int64} AND y <= {to_row:Int64}
)
GROUP BY group_name, intDiv(place, greatest(1, intDiv(inside + {bars:Int64} - 1, {bars:Int64})))
ORDER BY top
