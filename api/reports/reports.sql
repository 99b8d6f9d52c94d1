-- Reports of the run {run_id} in the order of its tracker.yml, then of their paths; {limit} at most.
SELECT DISTINCT place, display, key FROM output_reports
WHERE run_id = {run_id:String}
    AND listing >= (SELECT max(complete).listing FROM output_folders WHERE run_id = {run_id:String})
ORDER BY place, key
LIMIT {limit:UInt32}
