{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- How many tasks of a run were running at once: each instant (ms) at which the number changed, with the number from then on.
-- Intervals are half-open, so what starts when another ends is not beside it; an open one of a run that is not over never
-- ends here. With more than {points} instants only the greatest number of each of as many equal buckets of time is given,
-- and the last instant; so the greatest number is always among them.
SELECT argMax(instant, (level, -instant)) AS at, max(level) AS running
FROM
(
    SELECT
        instant, level,
        min(instant) OVER () AS first_instant, max(instant) OVER () AS last_instant, count() OVER () AS instants
    FROM
    (
        SELECT instant, sum(change) OVER (ORDER BY instant ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS level
        FROM
        (
            SELECT edge.1 AS instant, sum(edge.2) AS change
            FROM {{ task_lifecycles("[{run_id:String}]") }} AS task_lifecycles
            ARRAY JOIN [(assumeNotNull(from_ms), toInt64(1)), (assumeNotNull(to_ms), toInt64(-1))] AS edge
            WHERE isNotNull(from_ms) AND edge.1 < 9223372036854775807
            GROUP BY instant
        )
    )
)
GROUP BY multiIf(
    instants <= {points:Int64}, instant,
    instant = last_instant, {points:Int64} - 1,
    intDiv((instant - first_instant) * ({points:Int64} - 1), greatest(last_instant - first_instant, 1)))
ORDER BY at
