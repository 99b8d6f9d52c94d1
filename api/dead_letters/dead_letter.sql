-- One dead letter, whole: one row or none.
SELECT
    d.partition AS partition, d.offset AS offset, d.part AS part, d.run_id AS run_id, type, reason, request, dialect, workspace, owner,
    raw AS raw_start, length(raw) AS raw_bytes, toUnixTimestamp64Milli(d.appended_at) AS at_ms,
    (SELECT toUnixTimestamp64Milli(max(appended_at)) FROM letter_replays
        WHERE partition = {partition:UInt32} AND offset = {offset:Int64} AND part = {part:String}) AS replayed_ms,
    (SELECT argMax(by, appended_at) FROM letter_replays
        WHERE partition = {partition:UInt32} AND offset = {offset:Int64} AND part = {part:String}) AS replayed_by,
    (SELECT argMax(run_id, appended_at) FROM letter_replays
        WHERE partition = {partition:UInt32} AND offset = {offset:Int64} AND part = {part:String}) AS replayed_as
FROM dead_letters AS d FINAL
WHERE partition = {partition:UInt32} AND offset = {offset:Int64} AND part = {part:String}
