{% from "schemas/macros/outputs.sql" import run_partition %}
-- Runs that are over and whose output folder is to be looked at: nobody has since they ended (heard since {ended_since}, ms), or the store
-- was away (heard since {retry_since}). At most {most}, those heard last first; of the partitions {own} of {partitions}.
SELECT r.run_id AS run_id, {{ run_partition("r.run_id") }} AS partition
FROM
(
    SELECT run_id, completed, seen
    FROM runs FINAL
    WHERE run_id IN ( -- in single rows: to merge those of every run would take longer with each
        SELECT run_id FROM runs WHERE tupleElement(seen, 'appended') >= least({ended_since:Int64}, {retry_since:Int64}))
) AS r
LEFT JOIN (SELECT run_id, requested, attempt FROM output_folders FINAL) AS f ON r.run_id = f.run_id
WHERE r.completed.hash != 0 AND has({own:Array(UInt32)}, partition)
    AND (
        (f.attempt.offset = 0 AND r.seen.appended >= {ended_since:Int64})
        OR (f.attempt.state = 'away' AND r.seen.appended >= {retry_since:Int64}))
ORDER BY r.seen.appended DESC, r.run_id
LIMIT {most:UInt32}
