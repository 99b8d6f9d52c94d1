-- Figures of the runs of runs.sql as twelve tasks of each would give them, without the tasks: what lists read is this alone.
INSERT INTO run_figures (
    run_id, version, tasks, open_tasks, total, pending, submitted, running, succeeded, failed, ignored, aborted, cached, retried,
    peak, cost, wasted, unpriced, cpu_ms, cost_spot, cost_on_demand)
SELECT
    run_id, toUInt128({price_version:UInt64}), 12, still, 12, 0, 0, still, 12 - still - wrong, wrong, 0, 0, 0, 0,
    1 + h % 12, price, toDecimal128(0, 9), 0, h % 1000000, price, toDecimal128(0, 9)
FROM
(
    SELECT
        run_id,
        cityHash64(run_id) AS h,
        if(completed.hash = 0, 2, 0) AS still,
        completed.state = 'failed' AS wrong,
        toDecimal128((h % 100000) / 1000, 9) AS price
    FROM (SELECT run_id, completed FROM runs FINAL)
)
