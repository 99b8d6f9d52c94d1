{% from "schemas/macros/runs.sql" import run_rows %}
-- What the page of a run needs beside the run, or before it so that what follows can be asked at once: whether it was a resume,
-- when its last task records came (ms, 0 for never), how it was reported to end ('' if it was not), its session and workspace.
SELECT facts.resume AS resume, tasks_seen.appended AS tasks_seen_ms, completed.state AS ended, session_id AS session, workspace
FROM {{ run_rows("run_id = {run_id:String}") }}
