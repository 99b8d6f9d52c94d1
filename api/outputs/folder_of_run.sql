-- The output folder of the run {run_id} as the collector knows it: no row where it never looked. `deleted`: whether it was deleted for good.
SELECT
    if(complete.uri != '', complete.uri, attempt.uri) AS uri,
    complete.listing AS listing,
    requested.offset > attempt.answers OR progress.listing > attempt.listing AS looking
FROM (SELECT complete, attempt, requested, progress FROM output_folders FINAL WHERE run_id = {run_id:String})
