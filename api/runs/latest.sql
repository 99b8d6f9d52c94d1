{% from "schemas/macros/run_filter.sql" import matches_filter with context %}
-- Ids of one page of runs, filtered, latest first append first: of those at {places}, after the run ({token_ms}, {token_id}).
SELECT run_id, first_ms
FROM run_list FINAL
WHERE first_ms IN {places:Array(Int64)}
    AND (first_ms < {token_ms:Int64} OR run_id < {token_id:String})
    AND {{ matches_filter }}
ORDER BY first_ms DESC, run_id DESC
LIMIT {limit:UInt32}
