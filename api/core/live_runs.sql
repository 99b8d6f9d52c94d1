-- How many runs that are not over have each status, none that is hidden: a gauge that somebody is called for.
SELECT status, count() AS runs
FROM run_statuses(
    clock_partitions = {clock_partitions:Array(UInt32)}, clock_times = {clock_times:Array(Int64)},
    behind = {behind:Array(UInt32)}, disconnected_ms = {disconnected_ms:Int64}, stalled_ms = {stalled_ms:Int64},
    run_ids = CAST([], 'Array(String)'), over_since = 9223372036854775807)
WHERE NOT over AND NOT hiding.hidden
GROUP BY status
