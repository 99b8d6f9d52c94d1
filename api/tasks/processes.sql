-- Figures of the processes of runs, as the newest refresh wrote them; rows of older refreshes name processes that are gone. Of each run
-- at most {most}, those with the most tasks.
SELECT
    run_id, process,
    pending, submitted, running, succeeded, failed, ignored, aborted, cached, retried, stored, never_run,
    pending + submitted + running + succeeded + failed + aborted + cached AS total
FROM run_processes FINAL
WHERE run_id IN {run_ids:Array(String)}
    AND (run_id, version) IN (
        SELECT run_id, max(version) FROM run_processes WHERE run_id IN {run_ids:Array(String)} GROUP BY run_id)
ORDER BY run_id, total DESC, process
LIMIT {most:UInt32} BY run_id
