-- Spools of ingest that are not empty, as the newest tick of the process that has each said. Times in ms.
SELECT spool, requests, toUnixTimestamp64Milli(told_at) AS told_ms
FROM spools FINAL
WHERE requests > 0
ORDER BY spool
