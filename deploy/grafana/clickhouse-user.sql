-- The user with which Grafana reads, and can do nothing else: it sees no tokens, and a query of it ends after 30 s. Put in a password of
-- your own, then: clickhouse-client --multiquery < clickhouse-user.sql
CREATE SETTINGS PROFILE IF NOT EXISTS tracker_reader SETTINGS
    readonly = 2, max_execution_time = 30 MAX 60, max_memory_usage = 2000000000 MAX 2000000000, max_result_rows = 100000 MAX 100000;
CREATE USER IF NOT EXISTS grafana IDENTIFIED WITH sha256_password BY 'change me' SETTINGS PROFILE 'tracker_reader';
GRANT SELECT ON tracker.runs TO grafana;
GRANT SELECT ON tracker.run_figures TO grafana;
GRANT SELECT ON tracker.alerts TO grafana;
