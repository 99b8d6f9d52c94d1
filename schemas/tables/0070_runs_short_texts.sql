-- What lists show of the long texts of a run: each that is short, and the name that its manifest gives; so that no list reads a
-- long one, whatever it is of. A text that is not short is '' here. Of the same requests as `fact_texts` and `completed_texts`.
-- Rows from before get them from there.
ALTER TABLE runs
    ADD COLUMN IF NOT EXISTS short_texts SimpleAggregateFunction(max, Tuple(
        instant Int64, hash UInt64, manifest_name String, command_line String, config_text String, params String, manifest String))
    DEFAULT CAST(
        (
            tupleElement(fact_texts, 'instant'), tupleElement(fact_texts, 'hash'),
            substringUTF8(JSONExtractString(tupleElement(fact_texts, 'manifest'), 'name'), 1, 200),
            if(length(tupleElement(fact_texts, 'command_line')) <= 4096, tupleElement(fact_texts, 'command_line'), ''),
            if(length(tupleElement(fact_texts, 'config_text')) <= 4096, tupleElement(fact_texts, 'config_text'), ''),
            if(length(tupleElement(fact_texts, 'params')) <= 4096, tupleElement(fact_texts, 'params'), ''),
            if(length(tupleElement(fact_texts, 'manifest')) <= 4096, tupleElement(fact_texts, 'manifest'), '')),
        'Tuple(instant Int64, hash UInt64, manifest_name String, command_line String, config_text String, params String, manifest String)'),
    ADD COLUMN IF NOT EXISTS short_report SimpleAggregateFunction(max, Tuple(instant Int64, hash UInt64, error_report String))
    DEFAULT CAST(
        (
            tupleElement(completed_texts, 'instant'), tupleElement(completed_texts, 'hash'),
            if(length(tupleElement(completed_texts, 'error_report')) <= 4096, tupleElement(completed_texts, 'error_report'), '')),
        'Tuple(instant Int64, hash UInt64, error_report String)')
