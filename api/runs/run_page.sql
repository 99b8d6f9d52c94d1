{% from "schemas/macros/runs.sql" import cycle_place, run_rows %}
-- What the page of the run {run_id} knows beside the run itself, as one row: whether it resumed another, when its last task records came
-- and the runner's last word (ms, 0 for never), its place among the cycles of its
-- session, how many these are, and the newest 20 of them (newest first; none without a session), its last change of status, and the currency of the price book in force ('' without one).
{% set this_run = run_rows("run_id = {run_id:String}") %}
{% set candidates = "run_id IN (SELECT run_id FROM run_list WHERE session_id = its.2)" %}
WITH (SELECT (workspace, session_id, owner, {{ cycle_place }}) FROM {{ this_run }}) AS its
SELECT
    facts.resume AS resume,
    tasks_seen.appended AS tasks_seen_ms,
    ifNull(toUnixTimestamp64Milli(coalesce(last_instant, first_appended_at)), 0) AS last_word_ms,
    (
        SELECT (
            countIf({{ cycle_place }} <= its.4),
            count(),
            arrayMap(place -> place.3, arraySlice(arrayReverseSort(groupArray({{ cycle_place }})), 1, 20)))
        FROM {{ run_rows(candidates) }}
        WHERE its.2 != '' AND (workspace, session_id, owner) = (its.1, its.2, its.3)
    ) AS cycles,
    (
        SELECT argMax((to_status, toUnixTimestamp64Milli(appended_at)), offset) FROM transitions FINAL WHERE run_id = {run_id:String}
    ) AS last_change,
    (SELECT argMax(currency, version) FROM prices) AS currency
FROM {{ this_run }}
