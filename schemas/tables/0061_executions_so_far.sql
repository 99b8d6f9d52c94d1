-- Weblog runs from before have one execution each, whatever came.
INSERT INTO executions
SELECT
    run_id, offset, 1, run_id,
    toUnixTimestamp64Milli(tupleElement(facts, 'started_at')),
    ifNull(toUnixTimestamp64Milli(tupleElement(facts, 'started_at')), nullIf(tupleElement(facts, 'instant'), 0)),
    if(tupleElement(completed, 'hash') = 0, NULL, greatest(
        ifNull(toUnixTimestamp64Milli(tupleElement(completed, 'completed_at')), 0), tupleElement(completed, 'instant'))),
    begun
FROM (SELECT run_id, offset, facts, completed, begun, first_dialect FROM runs FINAL)
WHERE tupleElement(first_dialect, 'name') = 'weblog' AND length(run_id) = 16 AND startsWith(run_id, 'w')
