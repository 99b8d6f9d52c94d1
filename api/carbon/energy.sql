{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- What the attempts of a run used, by process (of more than {most} the others together) and region: of {regions} the first that the zone begins with, or ''. Cached tasks and those
-- that never started are left out; an open one counts so far, up to the run's last request.
-- vcpu_hours: CPUs × hours; used_vcpu_hours: the part in use, where it was not measured the share {utilisation} of it. gb_hours: of the
-- memory asked for, else of the peak.
SELECT
    if(place <= {most:UInt32}, e.process, '(other processes)') AS process,
    e.region AS region,
    sum(e.tasks) AS tasks,
    sum(e.unmeasured) AS unmeasured,
    sum(e.vcpu_hours) AS vcpu_hours,
    sum(e.used_vcpu_hours) AS used_vcpu_hours,
    sum(e.gb_hours) AS gb_hours
FROM
(
    SELECT *, dense_rank() OVER (ORDER BY process) AS place
    FROM
    (
        SELECT
            process,
            region,
            count() AS tasks,
            countIf(isNull(cpu_percent)) AS unmeasured,
            sum(vcpus * hours) AS vcpu_hours,
            sum(vcpus * hours * used) AS used_vcpu_hours,
            sum(gb * hours) AS gb_hours
        FROM
        (
            SELECT
                toString(t.process) AS process,
                arrayFirst(r -> startsWith(ifNull(cloud_zone, ''), r), {regions:Array(String)}) AS region,
                cpu_percent,
                least(1000000., greatest(ifNull(cpus, 1.), 0.001)) AS vcpus,
                least(1., greatest(0., if(isNull(cpu_percent), {utilisation:Float64}, cpu_percent / 100 / vcpus))) AS used,
                ifNull(coalesce(memory_bytes, peak_rss_bytes), 0) / 1e9 AS gb,
                least(87600., greatest(0, ifNull(
                    toUnixTimestamp64Milli(coalesce(t.ended_at, heard_at)) - toUnixTimestamp64Milli(started_at), 0)) / 3600000) AS hours
            FROM {{ task_lifecycles("[{run_id:String}]") }} AS t
            WHERE isNotNull(started_at) AND shown != 'cached'
        )
        GROUP BY process, region
    )
) AS e
GROUP BY process, region
