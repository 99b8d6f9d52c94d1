-- The same of runs.
INSERT INTO run_figures
SELECT f.* REPLACE (n.never_run AS never_run)
FROM (SELECT * FROM run_figures FINAL) AS f
INNER JOIN
(
    SELECT run_id, version, sum(never_run) AS never_run FROM run_processes FINAL GROUP BY run_id, version
) AS n ON f.run_id = n.run_id AND f.version = n.version
WHERE n.never_run > 0
