-- The price book in force: rows of the greatest version only. Rate per hour of a machine (type × price model × zone, where
-- an empty model or zone means any), or with an empty machine type the flat rates for machines without a type.
CREATE TABLE IF NOT EXISTS prices
(
    version      UInt64,
    machine_type String,
    price_model  String,
    zone         String,
    per_hour     Nullable(Decimal(18, 9)),
    per_cpu_hour Nullable(Decimal(18, 9)),
    per_gib_hour Nullable(Decimal(18, 9)),
    currency     LowCardinality(String)
)
ENGINE = ${Replacing}
ORDER BY (version, machine_type, price_model, zone)
