{% from "schemas/macros/run_filter.sql" import matches_filter with context %}
-- Where the latest runs of a filter may be, after the run ({token_ms}, {token_id}): the first appends (ms) of the latest {limit} rows that
-- match. Rows are not merged, so that the end of the list alone is read; some may be outdated, and latest.sql leaves them out.
SELECT first_ms
FROM run_list
WHERE NOT gone
    AND first_ms <= {token_ms:Int64}
    AND (first_ms < {token_ms:Int64} OR run_id < {token_id:String})
    AND {{ matches_filter }}
ORDER BY first_ms DESC
LIMIT {limit:UInt32}
