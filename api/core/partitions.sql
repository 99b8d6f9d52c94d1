-- Each partition of the log: the greatest offset that is projected, when the log took it, the newest tick, and the newest
-- observed clock (0 before the first round). All times in ms.
SELECT
    w.partition AS partition,
    w.offset AS offset,
    toUnixTimestamp64Milli(w.appended_at) AS appended_ms,
    nullIf(w.tick.appended, 0) AS tick_ms,
    c.clock_ms AS clock_ms
FROM (SELECT * FROM watermarks FINAL) AS w
LEFT ANY JOIN
(
    SELECT partition, clock_ms FROM clocks WHERE (partition, offset) IN (SELECT partition, round FROM watermarks FINAL)
) AS c ON w.partition = c.partition
ORDER BY partition
