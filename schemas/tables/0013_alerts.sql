-- Alerts, one row an episode; the notifier alone writes them. Unlike all else they cannot be made again from the log: what was
-- delivered is known here only. `memory` is the whole alert as the notifier takes it up after a restart, the other columns are
-- what readers see. `finished`: nothing can come of it any more, so a restart need not read it.
CREATE TABLE IF NOT EXISTS alerts
(
    id              String,
    version         UInt64,
    kind            LowCardinality(String),
    run_id          String,
    state           LowCardinality(String),
    since           DateTime64(3, 'UTC'),
    fired_at        Nullable(DateTime64(3, 'UTC')),
    resolved_at     Nullable(DateTime64(3, 'UTC')),
    summary         String,
    group_id        String,
    acknowledged_at Nullable(DateTime64(3, 'UTC')),
    acknowledged_by String,
    silenced_until  Nullable(DateTime64(3, 'UTC')),
    deliveries      Array(Tuple(
        receiver String, firing_at Nullable(DateTime64(3, 'UTC')), resolved_at Nullable(DateTime64(3, 'UTC')))),
    finished        Bool,
    changed_at      DateTime64(3, 'UTC'),
    memory          String
)
ENGINE = ${Replacing}(version)
ORDER BY id
