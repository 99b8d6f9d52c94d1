-- Names of the processes that runs announced before any of their tasks, in their order.
SELECT run_id, process_names.names AS names FROM (SELECT * FROM runs FINAL) WHERE run_id IN {run_ids:Array(String)}
