-- Owned by projection accounts.v1: tokens for a purpose have an id, those of log-ins have none.
ALTER TABLE user_tokens ADD COLUMN id TEXT;
ALTER TABLE user_tokens ADD COLUMN name TEXT;          -- an envelope
ALTER TABLE user_tokens ADD COLUMN permissions TEXT;   -- names with commas between; null is all
ALTER TABLE user_tokens ADD COLUMN organizations TEXT; -- ids with commas between; null is all
ALTER TABLE user_tokens ADD COLUMN read_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user_tokens ADD COLUMN expires_at INTEGER;
ALTER TABLE user_tokens ADD COLUMN created_at INTEGER;
CREATE INDEX user_tokens_id ON user_tokens (id) WHERE id IS NOT NULL;

-- Owned by app: state that may be lost, flushed every few seconds.
CREATE TABLE token_uses (
    token_id TEXT    NOT NULL PRIMARY KEY,
    used_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
