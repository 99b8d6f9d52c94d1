{% from "schemas/macros/tasks.sql" import task_lifecycles %}
-- In which of {slots} equal parts of the time from {first_ms} to {last_ms} each process of a run was at work: from the submission of an
-- attempt to its end, of an open one so far.
SELECT toString(process) AS process, arraySort(groupUniqArrayArray(range(first_slot, last_slot + 1))) AS busy
FROM
(
    SELECT
        process,
        toUnixTimestamp64Milli(assumeNotNull(coalesce(submitted_at, started_at))) AS begin_ms,
        if(ended_ms = 9223372036854775807, {last_ms:Int64}, ended_ms) AS end_ms,
        greatest(1, {last_ms:Int64} - {first_ms:Int64}) AS whole,
        toUInt32(greatest(0, least({slots:UInt32} - 1, intDiv((begin_ms - {first_ms:Int64}) * {slots:UInt32}, whole)))) AS first_slot,
        toUInt32(greatest(first_slot, least({slots:UInt32} - 1, intDiv((end_ms - {first_ms:Int64}) * {slots:UInt32}, whole)))) AS last_slot
    FROM {{ task_lifecycles("[{run_id:String}]") }} AS task_lifecycles
    WHERE shown NOT IN ('cached', 'pending') AND (isNotNull(submitted_at) OR isNotNull(started_at))
)
GROUP BY process
