-- What a list of runs may be filtered by: of each field the {limit} values that most runs have. None of a run that is hidden.
SELECT said.1 AS field, said.2 AS value, count() AS runs
FROM
(
    SELECT arrayJoin(arrayDistinct(arrayConcat(
        [('user', toString(user_name)), ('user', toString(owner)), ('pipeline', toString(pipeline))],
        arrayMap(l -> ('label', toString(l)), labels)))) AS said
    FROM run_list FINAL
    WHERE NOT hidden
)
WHERE value != ''
GROUP BY field, value
ORDER BY field, runs DESC, value
LIMIT {limit:UInt32} BY field
