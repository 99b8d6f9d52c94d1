-- Ingest processes that the next round of a partition waits for: they have not ticked since the last one.
SELECT arrayJoin(mapKeys(processes)) AS process
FROM clocks FINAL
WHERE partition = {partition:UInt32} AND offset = {round:Int64}
    AND process NOT IN (
        SELECT source FROM events
        WHERE partition = {partition:UInt32} AND type = 'clock.tick' AND offset > {round:Int64})
ORDER BY process
