{% from "schemas/macros/runs.sql" import cycle_place, cycles_of, run_rows %}
-- Of the runs {run_ids}: what names the session, the run's place in it, and when the log first had a later cycle (append time, ms;
-- 0 for never). No row for a run without a session. The ids of all cycles are found in single rows first, as merging all runs would
-- take far longer.
{% set candidates %}
run_id IN (
        SELECT run_id FROM runs
        WHERE tupleElement(facts, 'session_id') IN (SELECT session_id FROM sessions)
            OR tupleElement(created, 'session_id') IN (SELECT session_id FROM sessions))
{%- endset %}
WITH sessions AS
(
    SELECT session_id FROM {{ run_rows("run_id IN {run_ids:Array(String)}") }} WHERE session_id != ''
)
SELECT *
FROM
(
    SELECT
        run_id,
        name,
        ({{ cycles_of }}) AS session,
        {{ cycle_place }} AS place,
        min(first_ms) OVER (
            PARTITION BY {{ cycles_of }} ORDER BY {{ cycle_place }} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS resumed_ms
    FROM {{ run_rows(candidates) }}
    WHERE session_id != ''
)
WHERE run_id IN {run_ids:Array(String)}
