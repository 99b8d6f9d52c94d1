-- What the page of a run needs beside the run, or before it so that what follows can be asked at once: whether it was a resume,
-- when it last told of a task (ms, 0 for never), how it was reported to end ('' if it was not), its session and workspace.
SELECT
    facts.resume AS resume,
    tasks_seen.appended AS tasks_seen_ms,
    completed.state AS ended,
    if(facts.session_id != '', facts.session_id, created.session_id) AS session,
    workspace
FROM (SELECT * FROM runs FINAL WHERE run_id = {run_id:String})
