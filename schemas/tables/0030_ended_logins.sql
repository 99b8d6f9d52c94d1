-- Logins that people have ended: the cookie of such a login is good no more, wherever a copy of it lies. `login` is the cookie's
-- nonce. No login lasts longer than a year (TRACKER_LOGIN_HOURS). Not on the log, as tokens. Written by `stores/tokens/tokens.py`.
CREATE TABLE IF NOT EXISTS ended_logins
(
    token_id String,
    login    String,
    ended_at DateTime64(3, 'UTC')
)
ENGINE = ${Replacing}
ORDER BY (token_id, login)
TTL toDateTime(ended_at) + INTERVAL 366 DAY
