{% from "schemas/macros/run_filter.sql" import matches_filter, searched %}
{% from "schemas/macros/runs.sql" import duration_ms, pipeline, run_statuses %}
-- The pipelines of the runs of a filter, those with the newest runs first, at most {limit}. Runs of which nobody said what they run are
-- left out. Times and durations in ms.
SELECT
    pipeline AS name,
    count() AS runs,
    countIf(status = 'succeeded') AS succeeded,
    countIf(status = 'failed') AS failed,
    countIf(status = 'cancelled') AS cancelled,
    countIf(NOT over) AS live,
    argMax(run_id, (placed_ms, run_id)) AS last_run,
    max(placed_ms) AS last_run_ms,
    argMaxIf(run_id, (placed_ms, run_id), status = 'succeeded') AS last_good_run,
    quantileExactIf(0.5)(took_ms, status = 'succeeded' AND isNotNull(took_ms)) AS duration_p50_ms,
    countIf(status = 'succeeded' AND isNotNull(took_ms)) AS timed_runs,
    quantileExactIf(0.5)(cost, is_priced) AS cost_p50,
    countIf(is_priced) AS priced_runs
FROM
(
    SELECT
        *,
        {{ pipeline }} AS pipeline,
        {{ duration_ms }} AS took_ms,
        status = 'succeeded' AND unpriced = 0 AND missing = 0 AND cost > 0 AS is_priced
    FROM (SELECT *, {{ searched }} AS searched, ifNull(start_ms, first_ms) AS placed_ms FROM {{ run_statuses() }})
    WHERE {{ matches_filter }}
)
WHERE pipeline != ''
GROUP BY pipeline
ORDER BY last_run_ms DESC, name
LIMIT {limit:UInt32}
