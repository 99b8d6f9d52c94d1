-- The files that runs left behind: one row a file, by its path below the run's output folder. `listing` is when the look began that
-- found it (ms): a later look replaces the row, and what no look since the last complete one has found is no longer there; so readers
-- take the rows whose listing is not below that of `output_folders.complete`. The rows stay when the files are deleted.
CREATE TABLE IF NOT EXISTS outputs
(
    run_id        String,
    key           String,
    listing       Int64,
    size          Int64,
    modified_at   DateTime64(3, 'UTC'),
    etag          String,
    storage_class LowCardinality(String)
)
ENGINE = ${Replacing}(listing)
ORDER BY (run_id, key)
