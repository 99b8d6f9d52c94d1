-- How many tasks of a run its runner counted and never told: what these cost is not known.
SELECT missing FROM run_figures FINAL WHERE run_id = {run_id:String}
