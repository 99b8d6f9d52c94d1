{% from "schemas/macros/runs.sql" import pipeline, run_rows %}
-- What a list of runs may be filtered by: of each field the {limit} values that most runs have. None of a run that is hidden.
SELECT said.1 AS field, said.2 AS value, count() AS runs
FROM
(
    SELECT arrayJoin(arrayDistinct(arrayConcat(
        [('user', user_name), ('user', owner), ('pipeline', {{ pipeline }})], arrayMap(l -> ('label', l), labels)))) AS said
    FROM {{ run_rows() }}
    WHERE NOT hidden
)
WHERE value != ''
GROUP BY field, value
ORDER BY field, runs DESC, value
LIMIT {limit:UInt32} BY field
