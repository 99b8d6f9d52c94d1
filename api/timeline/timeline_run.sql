-- What a run's timeline needs beside its attempts: when the run began and ended (ms, NULL where not told), the runner's last word, how
-- many tasks came from the cache, how many were not reported one by one, the most that ran at once, and the version of the figures
-- (0 before the first refresh), which rises with all that is told.
SELECT
    coalesce(toUnixTimestamp64Milli(facts.started_at), nullIf(created.instant, 0)) AS began_ms,
    toUnixTimestamp64Milli(completed.completed_at) AS completed_ms,
    toUnixTimestamp64Milli(coalesce(last_instant, first_appended_at)) AS last_ms,
    cached,
    missing,
    peak,
    version
FROM (SELECT * FROM runs FINAL WHERE run_id = {run_id:String}) AS r
LEFT ANY JOIN
(
    SELECT run_id AS figures_run_id, cached, missing, peak, version FROM run_figures FINAL WHERE run_id = {run_id:String}
) AS f ON r.run_id = f.figures_run_id
