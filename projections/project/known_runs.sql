-- What was said first and last of the runs {run_ids}, one row each that is there: whose its first message on the log was, with the
-- offset of that message, and its labels, with the offset after that of the message that set them (0 for none).
SELECT
    run_id,
    max(owner) AS first,
    max(labels) AS newest,
    first.earliness AS earliness, first.name AS owner, newest.offset AS labels_offset, newest.labels AS labels
FROM runs
WHERE run_id IN {run_ids:Array(String)}
GROUP BY run_id
