-- What is said of each version of the price book: where it comes from, of which day its prices are, and where they hold. One row a
-- version; written with the rows of `prices`, by `projections/costs/in_force.py`.
CREATE TABLE IF NOT EXISTS price_books
(
    version       UInt64,
    origin        LowCardinality(String),
    source        String,
    region        String,
    date          String,
    currency      LowCardinality(String),
    spot_discount Nullable(Decimal(9, 4)),
    rates         UInt64,
    put_at        DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${Replacing}(put_at)
ORDER BY version
