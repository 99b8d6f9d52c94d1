{% from "schemas/macros/runs.sql" import run_rows %}
-- Runs that are over and did not report all of their tasks one by one.
SELECT name, run_id, missing
FROM {{ run_rows() }} AS r
INNER JOIN (SELECT run_id, missing FROM run_figures FINAL WHERE missing > 0) AS f ON r.run_id = f.run_id
ORDER BY name, run_id
