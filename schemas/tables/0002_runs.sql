-- One row a run. Created, begun, heartbeat and completed each know a part, in any order and any number, so every column
-- is a lattice of its own. What belongs together is one tuple under max that starts with (instant, hash of the event):
-- it is taken whole from one event, and the default tuple, (0, 0, …), is below all. Long texts have tuples of their own
-- with the same first two elements, so that a list of runs need not read them, and they still come from the same event.
-- Reading `completed.hash` straight from `runs FINAL` reads the subcolumn alone, which FINAL then does not merge, and gives an
-- arbitrary part's value (seen on 26.9): say tupleElement(completed, 'hash'), or take the tuple out of a subquery first.
-- `offset` is the greatest offset of the run that was inserted; `seen` and `tasks_seen` are the last sign of life and the
-- last request with task records, each as (observed ms, append ms). `owner` is whose token reported the run's first message on
-- the log, whatever comes later, so nobody can take over a run that is there: (2^63 - 1 - offset, name). A run lies in one partition
-- of the log for good. `own` are the thresholds that the labels of the same offset bring (schemas/thresholds.py), 0 for none: the
-- sweep, which reads every run at every round, need not read the texts.
-- `hiding`: whether people took it out of the lists, and who said so last.
CREATE TABLE IF NOT EXISTS runs
(
    run_id            String,
    partition         SimpleAggregateFunction(max, UInt32),
    offset            SimpleAggregateFunction(max, Int64),
    first_appended_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    last_instant      SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
    dialect           SimpleAggregateFunction(max, LowCardinality(String)),
    workspace         SimpleAggregateFunction(max, String),
    begun             SimpleAggregateFunction(max, UInt8),
    seen              SimpleAggregateFunction(max, Tuple(observed Int64, appended Int64)),
    tasks_seen        SimpleAggregateFunction(max, Tuple(observed Int64, appended Int64)),
    created           SimpleAggregateFunction(max, Tuple(
        instant Int64, hash UInt64, name String, session_id String, project_name String, repository String)),
    facts             SimpleAggregateFunction(max, Tuple(
        instant Int64, hash UInt64, name String, session_id String, project_name String, script_name String,
        repository String, revision String, commit_id String, work_dir String, launch_dir String, output_dir String,
        profile String, user_name String, runner_name String, runner_version String, container_engine String,
        resume UInt8, started_at Nullable(DateTime64(3, 'UTC')))),
    fact_texts        SimpleAggregateFunction(max, Tuple(
        instant Int64, hash UInt64, command_line String, config_text String, params String, manifest String)),
    process_names     SimpleAggregateFunction(max, Tuple(instant Int64, hash UInt64, names Array(String))),
    completed         SimpleAggregateFunction(max, Tuple(
        instant Int64, hash UInt64, state String, completed_at Nullable(DateTime64(3, 'UTC')),
        duration_ms Nullable(Int64), exit_status Nullable(Int32), error_message String)),
    completed_texts   SimpleAggregateFunction(max, Tuple(instant Int64, hash UInt64, error_report String)),
    progress          SimpleAggregateFunction(max, Tuple(
        instant Int64, hash UInt64, pending Int64, submitted Int64, running Int64, succeeded Int64, failed Int64,
        ignored Int64, cached Int64, aborted Int64, retries Int64, peak_running Int64)),
    labels            SimpleAggregateFunction(max, Tuple(offset Int64, labels Array(String))),
    own               SimpleAggregateFunction(max, Tuple(offset Int64, disconnected_ms Int64, stalled_ms Int64)),
    owner             SimpleAggregateFunction(max, Tuple(earliness Int64, name String)),
    hiding            SimpleAggregateFunction(max, Tuple(offset Int64, hidden UInt8, by String))
)
ENGINE = ${Aggregating}
ORDER BY run_id
