-- What people did about alerts since {since} (ms), in order.
SELECT partition, offset, alert_id, act, by, toUnixTimestamp64Milli(until) AS until_ms, toUnixTimestamp64Milli(appended_at) AS at_ms
FROM alert_acts FINAL
WHERE appended_at >= fromUnixTimestamp64Milli({since:Int64})
ORDER BY appended_at, partition, offset
