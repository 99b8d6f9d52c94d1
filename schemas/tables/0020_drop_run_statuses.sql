-- What this view and `task_facts` gave stands in `schemas/macros/` now, which every statement carries in it.
DROP VIEW IF EXISTS run_statuses
