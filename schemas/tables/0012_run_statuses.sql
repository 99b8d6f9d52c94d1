-- Every run with its figures and its status, judged at given clocks. The one definition behind the sweeps, which judge at a
-- round, and the readers, who judge at the newest round.
--
-- {clock_partitions}, {clock_times}   the observed clock (ms) of each partition of the log
-- {behind}                            partitions of which nothing current is projected: live runs there read `unknown`
-- A run of which there is a label and nothing else was never heard, so its silence says nothing: `unknown` too.
-- {disconnected_ms}, {stalled_ms}     thresholds of runs that bring none of their own; longer than the threshold, in observed
--                                     time, is too long
-- {run_ids}                           only these runs; empty for all. What is left out is not read, here and below
-- {over_since}                        of the runs that are over only those heard since (ms of append time); 0 for all
CREATE OR REPLACE VIEW run_statuses AS
SELECT
    r.*,
    f.* EXCEPT (figures_run_id),
    r.completed.hash != 0 AS over,
    multiIf(
        over, r.completed.state,
        r.begun = 0 AND r.tasks_seen.appended = 0 AND r.progress.hash = 0 AND r.created.hash != 0, 'submitted',
        'running') AS reported_state,
    transform(r.partition, {clock_partitions:Array(UInt32)}, {clock_times:Array(Int64)}, toInt64(0)) AS clock_ms,
    if(r.own.disconnected_ms > 0, r.own.disconnected_ms, {disconnected_ms:Int64}) AS disconnected_after_ms,
    if(r.own.stalled_ms > 0, r.own.stalled_ms, {stalled_ms:Int64}) AS stalled_after_ms,
    f.tasks > 0 AND f.open_tasks = 0 AS all_tasks_over,
    f.tasks > 0 AND r.progress.hash != 0 AND r.progress.pending + r.progress.submitted + r.progress.running = 0 AS told_all_over,
    multiIf(
        over, '',
        has({behind:Array(UInt32)}, r.partition) OR r.dialect = 'weblog' OR r.seen.appended = 0, 'unknown',
        clock_ms - r.seen.observed > disconnected_after_ms, 'disconnected',
        clock_ms - r.tasks_seen.observed > stalled_after_ms AND (all_tasks_over OR told_all_over), 'stalled',
        'live') AS liveness,
    multiIf(
        liveness IN ('disconnected', 'stalled'), liveness,
        liveness = 'unknown' AND r.dialect != 'weblog', 'unknown',
        reported_state) AS status,
    multiIf(
        over AND reported_state = 'cancelled', concat('the runner ended it: ', r.completed.error_message),
        over, 'the runner said so',
        liveness = 'disconnected', concat('no sign of life for more than ', toString(disconnected_after_ms / 1000), ' s'),
        liveness = 'stalled', concat(
            'heard, but no task for more than ', toString(stalled_after_ms / 1000), ' s: ',
            if(all_tasks_over, 'every known task is over', 'by the runner''s totals no task is left')),
        liveness = 'unknown', 'no telling',
        'signs of life') AS reason
FROM
(
    SELECT *
    FROM runs FINAL
    WHERE (empty({run_ids:Array(String)}) OR run_id IN {run_ids:Array(String)})
        AND ({over_since:Int64} = 0 OR run_id IN (
            SELECT run_id FROM runs FINAL
            WHERE tupleElement(completed, 'hash') = 0 OR tupleElement(seen, 'appended') >= {over_since:Int64}))
) AS r
LEFT ANY JOIN
(
    SELECT * EXCEPT (run_id), run_id AS figures_run_id
    FROM run_figures FINAL
    WHERE (empty({run_ids:Array(String)}) OR run_id IN {run_ids:Array(String)})
        AND ({over_since:Int64} = 0 OR run_id IN (
            SELECT run_id FROM runs FINAL
            WHERE tupleElement(completed, 'hash') = 0 OR tupleElement(seen, 'appended') >= {over_since:Int64}))
) AS f ON r.run_id = f.figures_run_id
