{% from "schemas/macros/runs.sql" import list_rows %}
-- The rows of `run_list` of all runs: tables from before the list have none.
INSERT INTO run_list
{{ list_rows() }}
