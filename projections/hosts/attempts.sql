{% from "schemas/macros/hosts.sql" import hosts_of, version_of_run %}
{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- Rows of `host_attempts` of the runs {run_ids} that are not what is stored, with the versions that {offsets}, {marks} and
-- {price_version} give. An attempt is on a host that was announced where it was at work within the time of a statement about it. Such a
-- host is one of those of all runs if anybody announced it for all, else one of its owner's.
WITH
    announced AS
    (
        SELECT hostname AS announced_name, groupArray((owner, from_ms, tupleElement(said, 'until_ms'))) AS stretches
        FROM (SELECT hostname, owner, from_ms, said FROM hosts FINAL)
        WHERE hostname IN ({{ hosts_of("{run_ids:Array(String)}") }})
        GROUP BY hostname
    ),
    owners AS
    (
        SELECT run_id AS owned_id, tupleElement(owner, 'name') AS owner_name
        FROM (SELECT run_id, owner FROM runs FINAL WHERE run_id IN {run_ids:Array(String)})
    ),
    now AS
    (
        SELECT
            host_name AS hostname, host_scope AS scope, run_id,
            arraySort(groupArray(CAST(
                (task_id, began, done, weight), 'Tuple(task_id Int64, from_ms Int64, to_ms Int64, weight Int64)'))) AS attempts
        FROM
        (
            SELECT
                t.run_id AS run_id, t.task_id AS task_id, t.began AS began, t.done AS done, t.weight AS weight,
                t.host_name AS host_name,
                if(arrayExists(s -> s.1 = '', a.stretches), '', o.owner_name) AS host_scope,
                a.stretches AS stretches
            FROM
            (
                SELECT
                    run_id, task_id, ifNull(toString(hostname), '') AS host_name, assumeNotNull(started_ms) AS began,
                    began + least(315360000000, greatest(0, ifNull(
                        toUnixTimestamp64Milli(coalesce(task_lifecycles.ended_at, heard_at)) - began, 0))) AS done,
                    greatest(1, toInt64(least(1000000000., round(ifNull(cpus, 1.) * 1000.)))) AS weight
                FROM {{ task_lifecycles("{run_ids:Array(String)}", "hostname IN (SELECT hostname FROM hosts)") }} AS task_lifecycles
                WHERE isNotNull(started_ms)
            ) AS t
            INNER JOIN announced AS a ON t.host_name = a.announced_name
            LEFT ANY JOIN owners AS o ON t.run_id = o.owned_id
        )
        WHERE arrayExists(s -> s.1 = host_scope AND s.2 < greatest(done, began + 1) AND s.3 > began, stretches)
        GROUP BY hostname, scope, run_id
    ),
    stored AS
    (
        SELECT hostname, scope, run_id, attempts
        FROM host_attempts FINAL
        WHERE run_id IN {run_ids:Array(String)} AND hostname IN ({{ hosts_of("{run_ids:Array(String)}") }})
    )
SELECT
    hostname, scope, run_id,
    {{ version_of_run }} AS version,
    arrayMin(arrayMap(a -> a.from_ms, now_attempts)) AS first_ms,
    arrayMax(arrayMap(a -> a.to_ms, now_attempts)) AS last_ms,
    now_attempts AS attempts,
    arrayMin(arrayMap(a -> a.from_ms, differing)) AS changed_from_ms,
    arrayMax(arrayMap(a -> a.to_ms, differing)) AS changed_to_ms
FROM
(
    SELECT
        hostname, scope, run_id, now.attempts AS now_attempts,
        arraySymmetricDifference(now.attempts, stored.attempts) AS differing
    FROM now
    FULL JOIN stored USING (hostname, scope, run_id)
)
WHERE notEmpty(differing)
