-- Each partition of the log: its newest tick that is projected and its newest round that is swept, and the
-- outage counts there (see sweep.sql). Times in ms; 0 for none.
SELECT
    w.partition AS partition,
    w.tick.appended AS tick_ms,
    w.round AS round,
    c.round_ms AS round_ms,
    (c.live, c.fallen, c.suspects) AS outage_counts
FROM (SELECT * FROM watermarks FINAL) AS w
LEFT ANY JOIN
(
    SELECT partition, toUnixTimestamp64Milli(appended_at) AS round_ms, live, fallen, suspects
    FROM clocks
    WHERE (partition, offset) IN (SELECT partition, round FROM watermarks FINAL)
) AS c ON w.partition = c.partition
ORDER BY partition
