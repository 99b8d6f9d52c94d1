-- What the page of a run needs beside the run: whether it was a resume, and when it last told of a task (ms, 0 for never).
SELECT facts.resume AS resume, tasks_seen.appended AS tasks_seen_ms
FROM (SELECT * FROM runs FINAL) WHERE run_id = {run_id:String}
