-- Reports of the run {run_id} in the order of its tracker.yml, then of their paths; {limit} at most.
SELECT place, display, key, size AS bytes
FROM
(
    SELECT DISTINCT place, display, key FROM output_reports
    WHERE run_id = {run_id:String}
        AND listing >= (SELECT max(complete).listing FROM output_folders WHERE run_id = {run_id:String})
) AS report
INNER JOIN (SELECT key, size FROM outputs FINAL WHERE run_id = {run_id:String}) AS file ON report.key = file.key
ORDER BY place, key
LIMIT {limit:UInt32}
