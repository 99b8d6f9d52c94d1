-- The runner's last word by its own clock (ms), else when the run was first heard of; NULL where not even that is known.
SELECT toUnixTimestamp64Milli(coalesce(last_instant, first_appended_at)) AS at FROM runs FINAL WHERE run_id = {run_id:String}
