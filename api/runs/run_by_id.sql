-- Whether a run of this id was heard of: one row or none.
SELECT run_id FROM runs WHERE run_id = {run_id:String} LIMIT 1
