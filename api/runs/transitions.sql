-- Changes of a run's status, oldest first, each at the round that found it (ms).
SELECT toUnixTimestamp64Milli(appended_at) AS at_ms, from_status, to_status, reason
FROM transitions FINAL
WHERE run_id = {run_id:String}
ORDER BY offset
