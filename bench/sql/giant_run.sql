-- A run of 40 processes; with {live} it goes on, else it has failed.
INSERT INTO runs (
    run_id, partition, offset, first_appended_at, last_instant, first_dialect, begun, seen, tasks_seen, created, facts, fact_texts,
    process_names, completed, completed_texts)
WITH {start_ms:Int64} AS start_ms, {now_ms:Int64} AS end_ms, {live:UInt8} = 1 AS is_live, 'https://github.com/nf-core/sarek' AS repo
SELECT
    {run_id:String}, 0, 0, fromUnixTimestamp64Milli(start_ms, 'UTC'), fromUnixTimestamp64Milli(end_ms, 'UTC'), (1, 'tower'), 1,
    (0, end_ms), (0, end_ms),
    (start_ms, 1, {name:String}, {run_id:String}, 'nf-core/sarek', repo),
    (
        start_ms, 1, {name:String}, {run_id:String}, 'nf-core/sarek', 'main.nf', repo, '3.5.0', '', '/data/work', '/data/launch', '',
        'docker', 'ann', 'nextflow', '25.04.0', 'docker', 0, fromUnixTimestamp64Milli(start_ms, 'UTC')
    ),
    (start_ms, 1, 'nextflow run nf-core/sarek', repeat('process.memory = 4.GB // default\n', 60), '{"genome":"GRCh38"}', '{}'),
    (start_ms, 1, arrayMap(i -> concat('NFCORE_SAREK:SAREK:STEP_', toString(i), ':TOOL_', toString(i)), range(40))),
    if(is_live, (0, 0, '', NULL, NULL, NULL, ''), (
        end_ms, 1, 'failed', fromUnixTimestamp64Milli(end_ms, 'UTC'), end_ms - start_ms, 1,
        'Process terminated with an error exit status (137)')),
    if(is_live, (0, 0, ''), (end_ms, 1, 'Caused by: task failed'))
