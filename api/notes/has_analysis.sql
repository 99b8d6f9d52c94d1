-- Whether a program submitted an analysis of the run {run_id} that still stands: one value.
SELECT argMax(text, (partition, offset)) != '' FROM notes FINAL WHERE run_id = {run_id:String} AND kind = 'analysis'
