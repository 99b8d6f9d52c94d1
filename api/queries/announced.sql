-- Names of the processes that a run announced before any of its tasks, in its order.
SELECT process_names.names AS names FROM (SELECT * FROM runs FINAL) WHERE run_id = {run_id:String}
