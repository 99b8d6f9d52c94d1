-- What the page of the run {run_id} knows beside the run itself, as one row: whether it resumed another, when its last task records came
-- and the runner's last word (ms, 0 for never), the runs of its session in its workspace (oldest first; none without a session), its
-- last change of status, and the currency of the price book in force ('' without one).
WITH (
    SELECT (workspace, if(facts.session_id != '', facts.session_id, created.session_id))
    FROM (SELECT * FROM runs FINAL WHERE run_id = {run_id:String})) AS its
SELECT
    facts.resume AS resume,
    tasks_seen.appended AS tasks_seen_ms,
    ifNull(toUnixTimestamp64Milli(coalesce(last_instant, first_appended_at)), 0) AS last_word_ms,
    (
        SELECT arrayMap(member -> member.2, arraySort(groupArray((ifNull(toUnixTimestamp64Milli(first_appended_at), 0), run_id))))
        FROM
        (
            SELECT * FROM runs FINAL
            WHERE run_id IN (
                SELECT run_id FROM runs
                WHERE tupleElement(facts, 'session_id') = its.2 OR tupleElement(created, 'session_id') = its.2)
        )
        WHERE its.2 != '' AND workspace = its.1 AND if(facts.session_id != '', facts.session_id, created.session_id) = its.2
    ) AS session_runs,
    (
        SELECT argMax((to_status, toUnixTimestamp64Milli(appended_at)), offset) FROM transitions FINAL WHERE run_id = {run_id:String}
    ) AS last_change,
    (SELECT argMax(currency, version) FROM prices) AS currency
FROM (SELECT * FROM runs FINAL WHERE run_id = {run_id:String})
