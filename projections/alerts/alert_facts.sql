{% from "schemas/macros/runs.sql" import run_rows %}
-- What the rules of alerts know of the runs {run_ids}, and what their runners said of a failure; long reports are left out, as in lists.
SELECT
    run_id, name, repository, labels, hidden,
    completed.state = 'failed' AS failed,
    completed.error_message AS message,
    short_report.error_report AS report,
    error_summary.line AS line
FROM {{ run_rows("run_id IN {run_ids:Array(String)}") }}
