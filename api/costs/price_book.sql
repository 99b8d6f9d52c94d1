-- The price book in force: its version, currency and number of rates, and what was said of it; no row where there is none.
SELECT p.version AS version, p.currency AS currency, p.rates AS rates, b.source AS source, b.date AS date, b.region AS region,
    b.spot_discount AS spot_discount
FROM
(
    SELECT version, any(currency) AS currency, count() AS rates
    FROM prices FINAL
    WHERE version = (SELECT max(version) FROM prices)
    GROUP BY version
) AS p
LEFT ANY JOIN (SELECT * FROM price_books FINAL) AS b ON p.version = b.version
