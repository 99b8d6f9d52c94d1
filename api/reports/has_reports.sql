-- How many reports the run {run_id} has.
SELECT uniqExact(place, key) FROM output_reports
WHERE run_id = {run_id:String}
    AND listing >= (SELECT max(complete).listing FROM output_folders WHERE run_id = {run_id:String})
