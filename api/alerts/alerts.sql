{% from "schemas/macros/runs.sql" import run_rows %}
-- One page of alerts in one of {states}, newest first; an empty text or list does not filter. ({token_ms}, {token_id}): the last alert
-- of the page before. `name`: what the run is called; `assignee`: who was asked last to look after it. Times in ms; '' stands for
-- what is not known.
WITH page AS
(
    SELECT *, toUnixTimestamp64Milli(since) AS since_ms
    FROM alerts FINAL
    WHERE state IN {states:Array(String)}
        AND ({id:String} = '' OR id = {id:String})
        AND ({kind:String} = '' OR kind = {kind:String})
        AND (empty({run_ids:Array(String)}) OR run_id IN {run_ids:Array(String)})
        AND (since_ms < {token_ms:Int64} OR (since_ms = {token_ms:Int64} AND id < {token_id:String}))
    ORDER BY since_ms DESC, id DESC
    LIMIT {limit:UInt32}
)
SELECT
    id, kind, run_id, state, summary, group_id, acknowledged_by, since_ms, runs.name AS name, acts.assignee AS assignee,
    toUnixTimestamp64Milli(fired_at) AS fired_ms,
    toUnixTimestamp64Milli(resolved_at) AS resolved_ms,
    toUnixTimestamp64Milli(acknowledged_at) AS acknowledged_ms,
    toUnixTimestamp64Milli(silenced_until) AS silenced_ms,
    arrayMap(
        d -> (d.receiver, toUnixTimestamp64Milli(d.firing_at), toUnixTimestamp64Milli(d.resolved_at)), deliveries) AS told
FROM page
LEFT ANY JOIN
(
    SELECT run_id AS named_run_id, name FROM {{ run_rows("run_id IN (SELECT run_id FROM page)") }}
) AS runs ON run_id = named_run_id
LEFT ANY JOIN
(
    SELECT alert_id, argMax(assignee, (appended_at, partition, offset)) AS assignee
    FROM alert_acts
    WHERE act = 'alert.assigned' AND alert_id IN (SELECT id FROM page)
    GROUP BY alert_id
) AS acts ON id = alert_id
ORDER BY since_ms DESC, id DESC
