{% from "schemas/macros/runs.sql" import run_rows %}
-- What the rules of alerts know of the runs {run_ids}.
SELECT run_id, name, repository, labels, if(error_summary.line != '', error_summary.line, completed.error_message) AS error, hidden
FROM {{ run_rows("run_id IN {run_ids:Array(String)}") }}
