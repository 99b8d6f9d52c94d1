{% from "schemas/macros/runs.sql" import duration_ms, pipeline, run_statuses, shown_cost %}
-- The runs {run_ids}. Texts that are long are '' here, names of processes [], and nothing reads them: run.sql does.
{% set long = run_texts is defined %}
{% set texts, report = ("fact_texts", "completed_texts") if long else ("short_texts", "short_report") %}
SELECT
    run_id, partition, dialect, over, workspace, name, launched_as, session_id, owner, labels, hidden, hiding.by AS hidden_by,
    status, reported_state, liveness, disconnected_after_ms, stalled_after_ms,
    seen.appended AS seen_ms,
    nullIf(created.instant, 0) AS created_ms,
    toUnixTimestamp64Milli(facts.started_at) AS started_ms,
    if(over, toUnixTimestamp64Milli(completed.completed_at), NULL) AS completed_ms,
    {{ duration_ms }} AS duration_ms,
    {{ pipeline }} AS pipeline,
    project_name, repository, user_name,
    facts.script_name AS script_name,
    facts.revision AS revision,
    facts.commit_id AS commit_id,
    facts.work_dir AS work_dir,
    facts.launch_dir AS launch_dir,
    facts.output_dir AS output_dir,
    facts.profile AS profile,
    facts.runner_name AS runner_name,
    facts.runner_version AS runner_version,
    {{ texts }}.command_line AS command_line,
    {{ texts }}.config_text AS config_text,
    {{ texts }}.params AS params,
    {{ texts }}.manifest AS manifest,
    completed.exit_status AS exit_status,
    completed.error_message AS error_message,
    {{ report }}.error_report AS error_report,
    error_summary.line AS error_line,
    modes.stub AS stub,
    modes.preview AS preview,
    {% if long %}process_names.names{% else %}CAST([], 'Array(String)'){% endif %} AS announced,
    total, pending, submitted, running, succeeded, failed, ignored, aborted, cached, retried, stored, never_run,
    peak, wasted, unpriced, missing, cost AS priced_cost, cost_flat, cost_hosts,
    {{ shown_cost }} AS shown_cost,
    out.attempt.state AS outputs_state,
    out.attempt.message AS outputs_message,
    out.requested.offset > out.attempt.answers OR out.progress.listing > out.attempt.listing AS outputs_looking,
    if(out.complete.uri != '', out.complete.uri, out.attempt.uri) AS outputs_uri,
    out.complete.listing AS outputs_listing,
    out.complete.ended_ms AS outputs_listed_ms,
    out.complete.files AS outputs_files,
    out.complete.bytes AS outputs_bytes,
    out.complete.noncurrent_files AS outputs_noncurrent_files,
    out.complete.noncurrent_bytes AS outputs_noncurrent_bytes,
    gone.deletion.1 AS outputs_deleted_ms,
    gone.deletion.2 AS outputs_deleted_by
FROM {{ run_statuses(run_ids="{run_ids:Array(String)}") }} AS run
LEFT ANY JOIN
(
    SELECT run_id AS outputs_run_id, attempt, complete, requested, progress FROM output_folders FINAL WHERE run_id IN {run_ids:Array(String)}
) AS out ON run_id = outputs_run_id
LEFT ANY JOIN
(
    SELECT run_id AS deleted_run_id, max((progress.at_ms, requested.by)) AS deletion
    FROM (SELECT * FROM output_deletions FINAL WHERE run_id IN {run_ids:Array(String)})
    WHERE progress.state = 'succeeded'
    GROUP BY run_id
) AS gone ON run_id = deleted_run_id
