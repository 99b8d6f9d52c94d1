-- What lists show of the raw bytes of a dead letter, so that no list reads megabytes: their beginning and how many they are.
ALTER TABLE dead_letters
    ADD COLUMN IF NOT EXISTS raw_start String DEFAULT substring(raw, 1, 4096),
    ADD COLUMN IF NOT EXISTS raw_bytes UInt64 DEFAULT length(raw)
