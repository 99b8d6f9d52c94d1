-- Ids of one page of runs, latest first append first, filtered; only light columns are read. An empty text or list does
-- not filter, nor do the least and the greatest time; hidden runs come only if {hidden}. {after_ms} <= start < {before_ms}, where a run
-- that told no start is placed by its create request, else by its first append. ({token_ms}, {token_id}): the last run of the page
-- before.
-- A run that is over stands as it was reported to end; only of the others, which are few, the status need be judged.
SELECT run_id, first_ms
FROM
(
    SELECT
        run_id,
        completed.hash != 0 AS over,
        completed.state AS ended,
        labels.labels AS told_labels,
        hiding.hidden AS told_hidden,
        owner.name AS told_owner,
        facts.user_name AS by_whom,
        ifNull(toUnixTimestamp64Milli(first_appended_at), 0) AS first_ms,
        coalesce(toUnixTimestamp64Milli(facts.started_at), nullIf(created.instant, 0), first_ms) AS start_ms,
        if(facts.session_id != '', facts.session_id, created.session_id) AS session,
        concat(
            if(facts.name != '', facts.name, if(created.name != '', created.name, run_id)), '\n',
            session, '\n',
            facts.user_name, '\n',
            if(facts.project_name != '', facts.project_name, created.project_name), '\n',
            if(facts.repository != '', facts.repository, created.repository), '\n',
            arrayStringConcat(told_labels, '\n')) AS searched
    FROM (SELECT * FROM runs FINAL)
)
WHERE (empty({statuses:Array(String)}) OR if(over, ended IN {statuses:Array(String)}, run_id IN (
        SELECT run_id
        FROM run_statuses(
            clock_partitions = {clock_partitions:Array(UInt32)}, clock_times = {clock_times:Array(Int64)},
            behind = {behind:Array(UInt32)}, disconnected_ms = {disconnected_ms:Int64}, stalled_ms = {stalled_ms:Int64},
            run_ids = CAST([], 'Array(String)'), over_since = 9223372036854775807)
        WHERE status IN {statuses:Array(String)})))
    AND ({search:String} = '' OR positionCaseInsensitiveUTF8(searched, {search:String}) > 0)
    AND ({label:String} = '' OR has(told_labels, {label:String}))
    AND ({hidden:Bool} OR NOT told_hidden)
    AND ({user:String} = '' OR by_whom = {user:String} OR told_owner = {user:String})
    AND ({session_id:String} = '' OR session = {session_id:String})
    AND ({after_ms:Int64} = -9223372036854775807 OR start_ms >= {after_ms:Int64})
    AND ({before_ms:Int64} = 9223372036854775807 OR start_ms < {before_ms:Int64})
    AND (first_ms < {token_ms:Int64} OR (first_ms = {token_ms:Int64} AND run_id < {token_id:String}))
ORDER BY first_ms DESC, run_id DESC
LIMIT {limit:UInt32}
