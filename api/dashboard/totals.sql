{% from "schemas/macros/dashboard.sql" import ended_runs %}
-- What the runs of the filter cost and keep together. `unknown`: runs of which nobody knows the size.
SELECT
    count() AS runs,
    sum(cost) AS cost,
    sum(unpriced) + sum(missing) AS unpriced_tasks,
    sumIf(size, known_folder = 1 AND size > 0) AS bytes,
    sumIf(size, known_folder = 1 AND size > 0 AND on_s3) AS s3_bytes,
    sumIf(file_count, known_folder = 1) AS files,
    countIf(known_folder = 1 AND deleted) AS deleted,
    countIf(known_folder = 0 OR size < 0) AS unknown
FROM {{ ended_runs() }}
