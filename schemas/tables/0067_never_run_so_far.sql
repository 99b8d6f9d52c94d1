-- Figures from before: of equal versions the row that was inserted last stays.
INSERT INTO run_processes
SELECT p.* REPLACE (n.never_run AS never_run)
FROM (SELECT * FROM run_processes FINAL) AS p
INNER JOIN
(
    SELECT run_id, toString(process) AS process, count() AS never_run
    FROM tasks FINAL
    WHERE status = 'pending' AND run_id IN (
        SELECT run_id FROM (SELECT run_id, completed FROM runs FINAL)
        WHERE tupleElement(completed, 'hash') != 0 AND tupleElement(completed, 'state') != 'succeeded')
    GROUP BY run_id, process
) AS n ON p.run_id = n.run_id AND p.process = n.process
