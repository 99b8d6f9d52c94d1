-- How far each partition is projected: the next offset, its newest tick and its newest round (ms, 0 for none).
SELECT
    w.partition AS partition,
    w.offset + 1 AS next,
    w.tick.appended AS tick_ms,
    c.round_ms AS round_ms
FROM (SELECT * FROM watermarks FINAL) AS w
LEFT ANY JOIN
(
    SELECT partition, toUnixTimestamp64Milli(appended_at) AS round_ms
    FROM clocks
    WHERE (partition, offset) IN (SELECT partition, round FROM watermarks FINAL)
) AS c ON w.partition = c.partition
