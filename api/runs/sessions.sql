-- The runs of the sessions {session_ids}, oldest first within each workspace and session, with their position there.
-- The ids are found in single rows first, whatever part said it, since merging all runs would take far longer; then merged.
SELECT
    run_id,
    told_workspace AS workspace,
    session AS session_id,
    row_number() OVER (PARTITION BY told_workspace, session ORDER BY first_ms, run_id) AS cycle
FROM
(
    SELECT
        run_id,
        workspace AS told_workspace,
        if(facts.session_id != '', facts.session_id, created.session_id) AS session,
        ifNull(toUnixTimestamp64Milli(first_appended_at), 0) AS first_ms
    FROM
    (
        SELECT *
        FROM runs FINAL
        WHERE run_id IN (
            SELECT run_id FROM runs
            WHERE tupleElement(facts, 'session_id') IN {session_ids:Array(String)}
                OR tupleElement(created, 'session_id') IN {session_ids:Array(String)})
    )
)
WHERE session IN {session_ids:Array(String)}
ORDER BY workspace, session_id, cycle
