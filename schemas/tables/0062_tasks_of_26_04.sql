-- What Nextflow 26.04 tells of a task beside the rest; the objects are JSON text, since their fields are the executor's own.
ALTER TABLE tasks
    ADD COLUMN IF NOT EXISTS log_stream_id       Nullable(String),
    ADD COLUMN IF NOT EXISTS resource_allocation Nullable(String),
    ADD COLUMN IF NOT EXISTS gpu_metrics         Nullable(String)
