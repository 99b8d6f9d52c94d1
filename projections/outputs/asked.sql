-- Runs whose output folder a person wants to be looked at again, {most} at most.
SELECT run_id
FROM (SELECT run_id, requested, attempt FROM output_folders FINAL)
WHERE requested.offset > attempt.answers
ORDER BY requested.offset, run_id
LIMIT {most:UInt32}
