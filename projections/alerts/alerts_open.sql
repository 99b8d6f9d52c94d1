-- Alerts that something may still come of, as the notifier left them: those that are not finished, and of the others those
-- that hold the next episode of the same back.
SELECT memory FROM alerts FINAL
WHERE NOT finished OR changed_at >= fromUnixTimestamp64Milli({recent:Int64}) OR silenced_until > fromUnixTimestamp64Milli({now:Int64})
