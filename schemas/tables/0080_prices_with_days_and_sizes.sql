-- From when on a rate holds (ms, 0 for always), whose it is (of an executor or queue; '' for any), the size of the machine (0 where
-- a task pays the whole of it), what is paid at least, and whether the rate was listed, seen in a history or assumed.
ALTER TABLE prices
    ADD COLUMN IF NOT EXISTS valid_from_ms Int64 AFTER zone,
    ADD COLUMN IF NOT EXISTS executor String AFTER valid_from_ms,
    ADD COLUMN IF NOT EXISTS queue String AFTER executor,
    ADD COLUMN IF NOT EXISTS per_gpu_hour Nullable(Decimal(18, 9)),
    ADD COLUMN IF NOT EXISTS vcpus UInt32,
    ADD COLUMN IF NOT EXISTS memory_mib UInt64,
    ADD COLUMN IF NOT EXISTS minimum_ms UInt32,
    ADD COLUMN IF NOT EXISTS basis LowCardinality(String) DEFAULT 'list',
    MODIFY ORDER BY (version, machine_type, price_model, zone, valid_from_ms, executor, queue)
