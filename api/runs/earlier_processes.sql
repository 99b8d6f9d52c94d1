-- What each process had in the runs {run_ids}, in the middle: tasks, and CPU time (ms). A run that had none of a process is left out.
SELECT process, quantileExact(0.5)(p.tasks) AS tasks, quantileExact(0.5)(p.cpu_ms) AS cpu_ms
FROM (SELECT process, tasks, cpu_ms FROM run_processes FINAL WHERE run_id IN {run_ids:Array(String)}) AS p
WHERE p.tasks > 0
GROUP BY process
