-- Files among the outputs of a run that its tracker.yml names as reports: `place` is that of the pattern in the file, `display` what it calls
-- them. As in `outputs`, rows of listings before the newest complete one no longer count.
CREATE TABLE IF NOT EXISTS output_reports
(
    run_id  String,
    listing Int64,
    place   UInt32,
    key     String,
    display String
)
ENGINE = ${Replacing}
ORDER BY (run_id, listing, place, key)
