-- When the run began and ended by its runner's clock, and its last word by that clock, else when it was first heard of (ms); NULL
-- where not even that is known.
SELECT
    coalesce(toUnixTimestamp64Milli(facts.started_at), nullIf(created.instant, 0)) AS began_ms,
    toUnixTimestamp64Milli(completed.completed_at) AS ended_ms,
    toUnixTimestamp64Milli(coalesce(last_instant, first_appended_at)) AS last_word_ms
FROM (SELECT * FROM runs FINAL WHERE run_id = {run_id:String})
