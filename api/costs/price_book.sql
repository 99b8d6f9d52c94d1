-- The price book in force: its version, currency and number of rates; no row where there is none.
SELECT version, any(currency) AS currency, count() AS rates
FROM prices FINAL
WHERE version = (SELECT max(version) FROM prices)
GROUP BY version
