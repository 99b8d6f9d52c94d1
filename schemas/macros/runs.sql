{# What every run is and how it stands: the one definition behind lists, pages, sweeps and alerts. #}

{# One row a run, as it was reported: the columns of `runs` with what it is called, its session and so on. `where`: a condition on
   `runs`; without it every run is read. What is not selected is not read. '' stands for a text that nobody gave, NULL for such a
   time; times and durations are in ms.

   `over` is whether its end came and its figures count it. What begin or complete said goes before what create said. `name` is the id where nobody gave one. `start_ms` is the runner's
   start, else that of its create request. #}
{% macro run_rows(where=none) %}
(
SELECT
    r.* EXCEPT (labels, owner, dialect),
    ifNull(toUnixTimestamp64Milli(first_appended_at), 0) AS first_ms,
    coalesce(toUnixTimestamp64Milli(facts.started_at), nullIf(created.instant, 0)) AS start_ms,
    if(facts.name != '', facts.name, if(created.name != '', created.name, run_id)) AS name,
    if(facts.session_id != '', facts.session_id, created.session_id) AS session_id,
    if(facts.project_name != '', facts.project_name, created.project_name) AS project_name,
    if(facts.repository != '', facts.repository, created.repository) AS repository,
    facts.user_name AS user_name,
    r.labels.labels AS labels,
    r.owner.name AS owner,
    first_dialect.name AS dialect,
    hiding.hidden AS hidden
FROM (SELECT * FROM runs FINAL{% if where %} WHERE {{ where }}{% endif %}) AS r
)
{%- endmacro %}

{# Expressions over a run's row, for the statements that show them: planning them takes a tenth of the whole, read or not.

   pipeline     what is run, in a few words: the project or repository, or the manifest's name where that is only a script; '' if
                nobody said.
   duration_ms  by the runner's own clock alone: what its end said, else from its start to its end, or of a live run to its last
                request. NULL where that is not known.
   shown_cost   NULL where no task ran, or none of those that ran has a price. #}
{% set source = "if(project_name != '', project_name, repository)" %}
{% set by_manifest = "(" ~ source ~ " = '' OR endsWith(" ~ source ~ ", '.nf'))" %}
{% set manifest_name = "tupleElement(short_texts, 'manifest_name')" %}
{% set pipeline -%}
    if({{ by_manifest }} AND {{ manifest_name }} != '', {{ manifest_name }}, {{ source }})
{%- endset %}
{% set span_ms = "toUnixTimestamp64Milli(if(over, completed.completed_at, last_instant)) - start_ms" %}
{% set duration_ms -%}
    if(over AND isNotNull(completed.duration_ms), completed.duration_ms, if({{ span_ms }} < 0, 0, {{ span_ms }}))
{%- endset %}
{% set shown_cost -%}
    if(cost > 0 OR (unpriced = 0 AND running + succeeded + failed + cached > 0), cost, NULL)
{%- endset %}

{# Cycles are the runs of one session of one owner in one workspace, in the order of their starts, however late they arrived. #}
{% set cycles_of = "workspace, owner, session_id" %}
{% set cycle_place = "(ifNull(start_ms, first_ms), first_ms, run_id)" %}

{# The rows of the table `run_list`, which says what they are for; its columns in their order. `where`: a condition on `runs`. #}
{% macro list_rows(where=none) %}
SELECT
    if(gone, 0, r.first_ms) AS first_ms,
    run_id,
    bitShiftLeft(toUInt256(greatest(offset, 0)), 128) + figures_version AS version,
    gone,
    partition,
    over,
    if(over, completed.state, '') AS state,
    hidden,
    seen.appended AS heard_ms,
    start_ms,
    toUnixTimestamp64Milli(completed.completed_at) AS completed_ms,
    {{ duration_ms }} AS duration_ms,
    name, session_id, owner, user_name,
    {{ pipeline }} AS pipeline,
    labels,
    lowerUTF8(arrayStringConcat(
        arrayConcat([name, session_id, user_name, project_name, repository, pipeline], labels), '\n')) AS searched,
    tasks, total, failed, missing, unpriced, peak,
    {{ shown_cost }} AS shown_cost,
    cost, wasted, cost_spot, cost_on_demand
FROM
(
    SELECT *, arrayJoin(if(first_ms > 0 AND run_id IN (SELECT run_id FROM run_list WHERE first_ms = 0), [0, 1], [0])) AS gone
    FROM {{ run_rows(where) }}
) AS r
LEFT ANY JOIN
(
    SELECT * EXCEPT (run_id, version), run_id AS figures_run_id, version AS figures_version
    FROM run_figures FINAL{% if where %} WHERE {{ where }}{% endif %}

) AS f ON r.run_id = f.figures_run_id
{%- endmacro %}

{# Every run's row with its figures and its status, judged at given clocks: by the sweeps at a round, by readers at the newest.

   clock_partitions, clock_times   the observed clock (ms) of each partition of the log
   behind       partitions of which nothing current is projected: live runs there read `unknown`
   disconnected_ms, stalled_ms     thresholds of runs that bring none of their own; longer than the threshold, in observed time,
                is too long
   run_ids      only these runs
   live         only runs that are not over
   over_since   of the runs that are over only those heard since (ms of append time); runs that are not over come all the same
                (which they may be is read in single rows: to merge those of every run would take longer with each)

   A run of which there is a label and nothing else was never heard, so its silence says nothing: `unknown` too. #}
{% macro run_statuses(
    run_ids=none,
    live=false,
    over_since=none,
    clock_partitions="{clock_partitions:Array(UInt32)}",
    clock_times="{clock_times:Array(Int64)}",
    behind="{behind:Array(UInt32)}",
    disconnected_ms="{disconnected_ms:Int64}",
    stalled_ms="{stalled_ms:Int64}"
) %}
{% set where %}
{% if run_ids %}run_id IN {{ run_ids }}
{%- elif live %}run_id IN (SELECT run_id FROM runs WHERE over = 0)
{%- elif over_since %}run_id IN (SELECT run_id FROM runs WHERE over = 0 OR tupleElement(seen, 'appended') >= {{ over_since }})
{%- endif %}
{% endset %}
(
SELECT
    r.*,
    f.* EXCEPT (figures_run_id),
    multiIf(
        over, completed.state,
        begun = 0 AND tasks_seen.appended = 0 AND progress.hash = 0 AND created.hash != 0, 'submitted',
        'running') AS reported_state,
    transform(partition, {{ clock_partitions }}, {{ clock_times }}, toInt64(0)) AS clock_ms,
    if(own.disconnected_ms > 0, own.disconnected_ms, {{ disconnected_ms }}) AS disconnected_after_ms,
    if(own.stalled_ms > 0, own.stalled_ms, {{ stalled_ms }}) AS stalled_after_ms,
    tasks > 0 AND open_tasks = 0 AS all_tasks_over,
    tasks > 0 AND progress.hash != 0 AND progress.pending + progress.submitted + progress.running = 0 AS totals_all_over,
    multiIf(
        over, '',
        has({{ behind }}, partition) OR dialect = 'weblog' OR seen.appended = 0, 'unknown',
        clock_ms - seen.observed > disconnected_after_ms, 'disconnected',
        clock_ms - tasks_seen.observed > stalled_after_ms AND (all_tasks_over OR totals_all_over), 'stalled',
        'live') AS liveness,
    CASE liveness
        WHEN 'disconnected' THEN 'disconnected'
        WHEN 'stalled' THEN 'stalled'
        WHEN 'unknown' THEN if(dialect = 'weblog', reported_state, 'unknown')
        ELSE reported_state
    END AS status,
    CASE liveness
        WHEN '' THEN if(reported_state = 'cancelled', concat('the runner ended it: ', completed.error_message), 'the runner said so')
        WHEN 'disconnected' THEN multiIf(
            reported_state != 'submitted',
                concat('no sign of life for more than ', toString(disconnected_after_ms / 1000), ' s'),
            dialect = 'tower', 'it never began: see .nextflow.log where it was started',
            'it never began')
        WHEN 'stalled' THEN concat(
            'heard, but no task for more than ', toString(stalled_after_ms / 1000), ' s: ',
            if(all_tasks_over, 'every known task is over', 'by the runner''s totals no task is left'))
        WHEN 'unknown' THEN 'no telling'
        ELSE 'signs of life'
    END AS reason
FROM {{ run_rows(where) }} AS r
LEFT ANY JOIN
(
    SELECT * EXCEPT (run_id), run_id AS figures_run_id FROM run_figures FINAL{% if where %} WHERE {{ where }}{% endif %}
) AS f ON r.run_id = f.figures_run_id
{% if live %}
WHERE NOT over
{% elif over_since %}
WHERE NOT over OR r.seen.appended >= {{ over_since }}
{% endif %}
)
{%- endmacro %}
