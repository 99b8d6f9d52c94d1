-- The output folder of the run {run_id} as the collector knows it: no row where it never looked. `deleted`: whether it was deleted for good.
SELECT
    if(complete.uri != '', complete.uri, attempt.uri) AS uri,
    complete.listing AS listing,
    attempt.state AS state,
    attempt.message AS message,
    requested.offset > attempt.answers OR progress.listing > attempt.listing AS looking,
    run_id IN (
        SELECT run_id
        FROM (SELECT run_id, progress FROM output_deletions FINAL WHERE run_id = {run_id:String})
        WHERE progress.state = 'succeeded') AS deleted
FROM (SELECT run_id, complete, attempt, requested, progress FROM output_folders FINAL WHERE run_id = {run_id:String})
