-- What is known of the executions of the weblog runs {bases} before the offsets {offsets}, one a base.
SELECT base, number, argMax((start_ms, began_ms, ended_ms, announced), offset) AS known
FROM executions
WHERE base IN {bases:Array(String)} AND offset < transform(base, {bases:Array(String)}, {offsets:Array(Int64)}, toInt64(0))
GROUP BY base, number
ORDER BY base, number
