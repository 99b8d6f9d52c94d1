{% from "schemas/macros/hosts.sql" import hosts_of %}
-- Other runs that were on the hosts of the runs {run_ids} in the time in which what these have there changed since their figures were made,
-- with the next mark of each. The rows of these runs must be written before.
WITH changed AS
(
    SELECT hostname, scope, min(changed_from_ms) AS from_ms, max(changed_to_ms) AS to_ms
    FROM
    (
        SELECT hostname, scope, run_id, version, changed_from_ms, changed_to_ms
        FROM host_attempts FINAL
        WHERE run_id IN {run_ids:Array(String)} AND hostname IN ({{ hosts_of("{run_ids:Array(String)}") }})
    ) AS a
    LEFT ANY JOIN
    (
        SELECT run_id AS figures_id, version AS figures_version FROM run_figures FINAL WHERE run_id IN {run_ids:Array(String)}
    ) AS f ON a.run_id = f.figures_id
    WHERE a.version > f.figures_version
    GROUP BY hostname, scope
)
SELECT n.run_id AS run_id, toUInt32(any(m.mark) + 1) AS mark
FROM
(
    SELECT DISTINCT o.run_id AS run_id
    FROM
    (
        SELECT hostname, scope, run_id, first_ms, last_ms
        FROM host_attempts FINAL
        WHERE hostname IN (SELECT hostname FROM changed)
    ) AS o
    INNER JOIN changed USING (hostname, scope)
    WHERE o.first_ms < changed.to_ms AND o.last_ms > changed.from_ms AND o.run_id NOT IN {run_ids:Array(String)}
) AS n
LEFT ANY JOIN (SELECT run_id, mark FROM host_marks FINAL) AS m ON n.run_id = m.run_id
GROUP BY n.run_id
