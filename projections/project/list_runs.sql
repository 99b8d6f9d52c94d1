{% from "schemas/macros/runs.sql" import list_rows %}
-- The rows of `run_list` of the runs {run_ids}, by what is in the tables now.
INSERT INTO run_list
{{ list_rows("run_id IN {run_ids:Array(String)}") }}
