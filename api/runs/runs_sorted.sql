-- Ids of one page of runs, filtered as in `runs_page.sql`, sorted by one of the columns by_…; of these only the one that is asked
-- for is read. They say what a list shows: NULL where it shows nothing, and NULLs come last in both directions; among equals
-- the latest first append comes first.
SELECT run_id
FROM
(
    SELECT
        run_id,
        status,
        labels.labels AS told_labels,
        hiding.hidden AS told_hidden,
        owner.name AS told_owner,
        facts.user_name AS by_whom,
        toUnixTimestamp64Milli(facts.started_at) AS told_start_ms,
        ifNull(toUnixTimestamp64Milli(first_appended_at), 0) AS first_ms,
        coalesce(told_start_ms, nullIf(created.instant, 0)) AS known_start_ms,
        if(facts.session_id != '', facts.session_id, created.session_id) AS session,
        if(facts.name != '', facts.name, if(created.name != '', created.name, run_id)) AS told_name,
        if(facts.project_name != '', facts.project_name, created.project_name) AS project,
        if(facts.repository != '', facts.repository, created.repository) AS told_repository,
        concat(
            told_name, '\n', session, '\n', by_whom, '\n', project, '\n', told_repository, '\n',
            arrayStringConcat(told_labels, '\n')) AS searched,
        JSONExtractString(fact_texts.manifest, 'name') AS manifest_name,
        if(project != '', project, told_repository) AS source,
        toUnixTimestamp64Milli(if(over, completed.completed_at, last_instant)) AS told_end_ms,
        lowerUTF8(told_name) AS by_name,
        status AS by_status,
        total AS by_total,
        failed AS by_failed,
        nullIf(lowerUTF8(if(manifest_name != '' AND (source = '' OR endsWith(source, '.nf')), manifest_name, source)), '') AS by_pipeline,
        known_start_ms AS by_started_at,
        completed.completed_at AS by_completed_at,
        told_end_ms - known_start_ms AS span_ms,
        if(over AND isNotNull(completed.duration_ms), completed.duration_ms, if(span_ms < 0, 0, span_ms)) AS by_duration_ms,
        peak AS by_peak_concurrency,
        if(cost > 0 OR (unpriced = 0 AND running + succeeded + failed + cached > 0), cost, NULL) AS by_cost,
        nullIf(lowerUTF8(by_whom), '') AS by_user_name
    FROM run_statuses(
        clock_partitions = {clock_partitions:Array(UInt32)}, clock_times = {clock_times:Array(Int64)},
        behind = {behind:Array(UInt32)}, disconnected_ms = {disconnected_ms:Int64}, stalled_ms = {stalled_ms:Int64},
        run_ids = CAST([], 'Array(String)'), over_since = 0)
)
WHERE (empty({statuses:Array(String)}) OR status IN {statuses:Array(String)})
    AND ({search:String} = '' OR positionCaseInsensitiveUTF8(searched, {search:String}) > 0)
    AND ({label:String} = '' OR has(told_labels, {label:String}))
    AND ({hidden:Bool} OR NOT told_hidden)
    AND ({user:String} = '' OR by_whom = {user:String} OR told_owner = {user:String})
    AND ({session_id:String} = '' OR session = {session_id:String})
    AND ifNull(known_start_ms, first_ms) >= {after_ms:Int64}
    AND ifNull(known_start_ms, first_ms) < {before_ms:Int64}
ORDER BY
    isNull({sort:Identifier}),
    if({descending:Bool}, NULL, {sort:Identifier}) ASC,
    if({descending:Bool}, {sort:Identifier}, NULL) DESC,
    first_ms DESC,
    run_id DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
