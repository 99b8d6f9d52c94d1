-- Figures of the processes of a run, as the newest refresh wrote them; rows of older refreshes name processes that are gone.
SELECT
    process,
    pending, submitted, running, succeeded, failed, ignored, aborted, cached, retried,
    pending + submitted + running + succeeded + failed + aborted + cached AS total
FROM run_processes FINAL
WHERE run_id = {run_id:String}
    AND version = (SELECT max(version) FROM run_processes WHERE run_id = {run_id:String})
ORDER BY process
