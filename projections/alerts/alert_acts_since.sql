-- What people did about alerts since {since} (ms), in order. Who is to look after one changes nothing of it.
SELECT partition, offset, alert_id, act, by, toUnixTimestamp64Milli(until) AS until_ms, toUnixTimestamp64Milli(appended_at) AS at_ms
FROM alert_acts FINAL
WHERE appended_at >= fromUnixTimestamp64Milli({since:Int64}) AND act != 'alert.assigned'
ORDER BY appended_at, partition, offset
