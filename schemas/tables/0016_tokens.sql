-- Tokens, one row each, and once more when one is revoked: `revoked` is the version, so a revoked token stays revoked whatever is
-- merged when. Only the hash is kept; `last_four` lets people recognise theirs. Tokens are not on the log: a replay and its
-- exchange leave this table alone. Written by `stores/tokens.py`.
CREATE TABLE IF NOT EXISTS tokens
(
    id         String,
    name       String,
    owner      String,
    role       LowCardinality(String),
    sha256     String,
    last_four  String,
    created_at DateTime64(3, 'UTC'),
    expires_at Nullable(DateTime64(3, 'UTC')),
    revoked_at Nullable(DateTime64(3, 'UTC')),
    revoked    UInt8 DEFAULT revoked_at IS NOT NULL
)
ENGINE = ${Replacing}(revoked)
ORDER BY id
