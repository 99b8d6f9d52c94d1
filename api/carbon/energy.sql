{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- What the attempts of a run used, by process (of more than {most} the others together) and region: of {regions} the first that the zone begins with, or ''. Cached tasks and those
-- that never started are left out; an open one counts so far, up to the run's last request.
-- vcpu_hours: CPUs × hours; used_vcpu_hours: the part in use, where it was not measured the share {utilisation} of it. gb_hours: of the
-- memory asked for, else of the peak. What is summed is whole (CPU-microseconds, bytes × ms), so that a sum is the same in any order.
SELECT
    if(place <= {most:UInt32}, e.process, '(other processes)') AS process,
    e.region AS region,
    sum(e.tasks) AS tasks,
    sum(e.unmeasured) AS unmeasured,
    sum(e.vcpu_us) / 3600000000 AS vcpu_hours,
    sum(e.used_vcpu_us) / 3600000000 AS used_vcpu_hours,
    sum(e.byte_ms) / 3600000000000000 AS gb_hours
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
            sum(toInt128(vcpus * ms * 1000)) AS vcpu_us,
            sum(toInt128(vcpus * ms * 1000 * used)) AS used_vcpu_us,
            sum(bytes * ms) AS byte_ms
        FROM
        (
            SELECT
                toString(t.process) AS process,
                arrayFirst(r -> startsWith(ifNull(cloud_zone, ''), r), {regions:Array(String)}) AS region,
                cpu_percent,
                least(1000000., greatest(ifNull(cpus, 1.), 0.001)) AS vcpus,
                least(1., greatest(0., if(isNull(cpu_percent), {utilisation:Float64}, cpu_percent / 100 / vcpus))) AS used,
                toInt128(ifNull(coalesce(memory_bytes, peak_rss_bytes), 0)) AS bytes,
                least(315360000000, greatest(0, ifNull(
                    toUnixTimestamp64Milli(coalesce(t.ended_at, heard_at)) - toUnixTimestamp64Milli(started_at), 0))) AS ms
            FROM {{ task_lifecycles("[{run_id:String}]") }} AS t
            WHERE isNotNull(started_at) AND shown != 'cached'
        )
        GROUP BY process, region
    )
) AS e
GROUP BY process, region
