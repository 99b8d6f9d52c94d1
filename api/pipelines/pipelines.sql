{% from "schemas/macros/run_filter.sql" import matches_filter, placed_ms with context %}
{% set is_priced = "state = 'succeeded' AND unpriced = 0 AND missing = 0 AND cost > 0" %}
-- The pipelines of the runs of a filter, those with the newest runs first, at most {limit}. Runs of which nobody said what they run are
-- left out. Times and durations in ms.
SELECT
    pipeline AS name,
    count() AS runs,
    countIf(state = 'succeeded') AS succeeded,
    countIf(state = 'failed') AS failed,
    countIf(state = 'cancelled') AS cancelled,
    countIf(NOT over) AS live,
    argMax(run_id, ({{ placed_ms }}, run_id)) AS last_run,
    max({{ placed_ms }}) AS last_run_ms,
    argMaxIf(run_id, ({{ placed_ms }}, run_id), state = 'succeeded') AS last_good_run,
    maxIf({{ placed_ms }}, state = 'succeeded') AS last_good_ms,
    quantileExactIf(0.5)(duration_ms, state = 'succeeded' AND isNotNull(duration_ms)) AS duration_p50_ms,
    countIf(state = 'succeeded' AND isNotNull(duration_ms)) AS timed_runs,
    quantileExactIf(0.5)(cost, {{ is_priced }}) AS cost_p50,
    countIf({{ is_priced }}) AS priced_runs
FROM run_list FINAL
WHERE pipeline != '' AND {{ matches_filter }}
GROUP BY pipeline
ORDER BY last_run_ms DESC, name
LIMIT {limit:UInt32}
