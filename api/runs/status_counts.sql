-- How many runs stand how, of those that are not over, and of those that were heard of since {since_ms};
-- none that is hidden.
SELECT status, count() AS runs
FROM run_statuses(
    clock_partitions = {clock_partitions:Array(UInt32)}, clock_times = {clock_times:Array(Int64)},
    behind = {behind:Array(UInt32)}, disconnected_ms = {disconnected_ms:Int64}, stalled_ms = {stalled_ms:Int64},
    run_ids = CAST([], 'Array(String)'), over_since = {since_ms:Int64})
WHERE (NOT over OR seen.appended >= {since_ms:Int64}) AND NOT hiding.hidden
GROUP BY status
ORDER BY status
