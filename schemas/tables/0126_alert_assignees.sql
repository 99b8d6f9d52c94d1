-- Who is to look after an alert, of the act `alert.assigned`; '' for nobody, and of other acts.
ALTER TABLE alert_acts ADD COLUMN IF NOT EXISTS assignee String
