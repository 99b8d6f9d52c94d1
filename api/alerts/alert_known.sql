-- Whether there is an alert of this id: one row or none.
SELECT id FROM alerts WHERE id = {id:String} LIMIT 1
