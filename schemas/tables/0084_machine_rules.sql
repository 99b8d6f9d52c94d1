-- Which machine tasks ran on that name none: rules of a version of the price book, the first that fits counts. `executor`, `queue` and
-- `hostname` are patterns of LIKE; written with the rows of `prices`, by `projections/costs/in_force.py`.
CREATE TABLE IF NOT EXISTS machine_rules
(
    version      UInt64,
    place        UInt32,
    executor     String,
    queue        String,
    hostname     String,
    machine_type String,
    price_model  String,
    zone         String
)
ENGINE = ${Replacing}
ORDER BY (version, place)
