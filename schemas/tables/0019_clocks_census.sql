-- The census of a round: of the partition's runs that were live one threshold of silence ago, how many, how many of them have
-- fallen silent, and how many are about to. Counted with the round, so that whoever reads it later, as the notifier does to tell
-- of many runs by one alert, finds the same. Rounds from before these columns count nobody. The index is for the rounds of a
-- time: they lie close together, as offsets and append times grow together.
ALTER TABLE clocks
    ADD COLUMN IF NOT EXISTS live UInt32,
    ADD COLUMN IF NOT EXISTS fallen UInt32,
    ADD COLUMN IF NOT EXISTS suspects UInt32,
    ADD INDEX IF NOT EXISTS by_time appended_at TYPE minmax
