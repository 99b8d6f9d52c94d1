-- What the rules of alerts know of the runs {run_ids}.
SELECT
    run_id,
    if(facts.name != '', facts.name, created.name) AS name,
    if(facts.repository != '', facts.repository, created.repository) AS repository,
    labels.labels AS labels,
    if(error_summary.line != '', error_summary.line, completed.error_message) AS error,
    hiding.hidden AS hidden
FROM (SELECT run_id, created, facts, completed, error_summary, labels, hiding FROM runs FINAL WHERE run_id IN {run_ids:Array(String)})
