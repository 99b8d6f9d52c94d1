-- Jobs that delete a run's output folder, one row a job: who wanted it and when, and how far it is, by the greatest offset (+ 1).
-- A job that is repeated or goes on after a crash deletes what is left, so `deleted` and `bytes` are at least what it says.
CREATE TABLE IF NOT EXISTS output_deletions
(
    run_id    String,
    job_id    String,
    requested SimpleAggregateFunction(max, Tuple(offset Int64, at_ms Int64, by String, uri String)),
    progress  SimpleAggregateFunction(max, Tuple(
        offset Int64, at_ms Int64, state String, deleted Int64, bytes Int64, kept Int64, message String))
)
ENGINE = ${Aggregating}
ORDER BY (run_id, job_id)
