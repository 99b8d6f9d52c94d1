{% from "schemas/macros/outputs.sql" import folders_in_use %}
-- Folders that may not be deleted for the run {run_id}: where it works itself, and where runs that are not over work and write.
{{ folders_in_use() }}
