-- {runs} runs of the last {days} days. The newest {live} are live; of the others 82 % succeeded, 13 % failed and 5 % were cancelled.
-- Every tenth is a resume of the one before.
INSERT INTO runs (
    run_id, partition, offset, first_appended_at, last_instant, first_dialect, begun, seen, tasks_seen, created, facts, fact_texts,
    process_names, completed, completed_texts, progress, labels)
WITH
    cityHash64(number) AS h,
    bitOr(h, 1) AS hash,
    number >= {runs:UInt64} - {live:UInt64} AS is_live,
    toInt64({now_ms:Int64} - intDiv(({runs:UInt64} - number) * {days:UInt64} * 86400000, {runs:UInt64})) AS start_ms,
    if(is_live, {now_ms:Int64}, least({now_ms:Int64}, start_ms + 60000 + h % 7200000)) AS end_ms,
    concat(
        arrayElement(['happy', 'grave', 'mad', 'silly', 'jolly', 'tiny'], h % 6 + 1), '_',
        arrayElement(['hopper', 'curie', 'noether', 'turing', 'euler', 'gauss', 'lovelace'], h % 7 + 1), '_', toString(number)) AS named,
    lower(hex(MD5(toString(if(number % 10 = 9, number - 1, number))))) AS session,
    concat('nf-core/', arrayElement(['rnaseq', 'sarek', 'atacseq', 'viralrecon', 'mag'], h % 5 + 1)) AS project,
    concat('https://github.com/', project) AS repo,
    multiIf(h % 100 < 82, 'succeeded', h % 100 < 95, 'failed', 'cancelled') AS state
SELECT
    concat(lower(hex(start_ms)), leftPad(lower(hex(h % 1048576)), 5, '0')),
    0, 0, fromUnixTimestamp64Milli(start_ms, 'UTC'), fromUnixTimestamp64Milli(end_ms, 'UTC'), (1, 'tower'), 1,
    (0, end_ms), (0, end_ms),
    (start_ms, hash, named, session, project, repo),
    (
        start_ms, hash, named, session, project, 'main.nf', repo, '3.14.0', lower(hex(SHA1(project))), '/data/work', '/data/launch', '',
        'docker', arrayElement(['ann', 'bob', 'eve', 'joe'], h % 4 + 1), 'nextflow', '25.04.0', 'docker', toUInt8(number % 10 = 9),
        fromUnixTimestamp64Milli(start_ms, 'UTC')
    ),
    (
        start_ms, hash, concat('nextflow run ', project, ' -profile docker --input samples.csv'),
        repeat('process.memory = 4.GB // default\n', 60),
        concat('{"input":"samples_', toString(number), '.csv","genome":"GRCh38","outdir":"results","aligner":"star_salmon"}'), '{}'
    ),
    (start_ms, hash, ['NF:FASTQC', 'NF:ALIGN:STAR', 'NF:MULTIQC']),
    if(is_live, (0, 0, '', NULL, NULL, NULL, ''), (
        end_ms, hash, state, fromUnixTimestamp64Milli(end_ms, 'UTC'), end_ms - start_ms, if(state = 'succeeded', 0, 1),
        multiIf(state = 'failed', 'Process `NF:ALIGN:STAR` terminated with an error exit status (137)', state = 'cancelled', 'SIGINT', ''))),
    if(is_live, (0, 0, ''), (end_ms, hash, if(state = 'failed', repeat('Caused by: task failed, work dir /data/work/ab\n', 12), ''))),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (1, if(number % 7 = 0, ['nightly'], if(number % 1000 = 1, ['rare'], [])))
FROM numbers({runs:UInt64})
