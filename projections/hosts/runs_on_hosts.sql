-- Which of the runs {run_ids} have, or had, attempts on hosts that were announced; the mark up to which their figures are made anew, and when
-- the first of these attempts began.
SELECT run_id, max(at_mark) AS mark, min(first_ms) AS from_ms
FROM
(
    SELECT run_id, toUInt32(0) AS at_mark, ifNull(min(toUnixTimestamp64Milli(started_at)), 10413791999999) AS first_ms
    FROM tasks
    WHERE run_id IN {run_ids:Array(String)} AND hostname IN (SELECT hostname FROM hosts)
    GROUP BY run_id
    UNION ALL
    SELECT run_id, max(mark) AS at_mark, 10413791999999 AS first_ms FROM host_marks WHERE run_id IN {run_ids:Array(String)} GROUP BY run_id
    UNION ALL
    SELECT DISTINCT run_id, toUInt32(0) AS at_mark, 10413791999999 AS first_ms FROM host_costs WHERE run_id IN {run_ids:Array(String)}
)
GROUP BY run_id
