-- Whose the run is, '' for nobody's; no row for a run that is not there.
SELECT tupleElement(max(owner), 'name') AS name FROM runs WHERE run_id = {run_id:String} GROUP BY run_id
