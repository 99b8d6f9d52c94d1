-- What the filter offers: the labels of runs of {person} that are over ('': of everybody's), and all people that have such runs.
SELECT
    arraySort(groupUniqArrayArrayIf({most:UInt32})(labels, {person:String} = '' OR person = {person:String})) AS labels,
    arraySort(groupUniqArrayIf({most:UInt32})(person, person != '')) AS people
FROM
(
    SELECT labels, if(owner != '', owner, user_name) AS person
    FROM run_list FINAL
    WHERE over AND NOT hidden
)
