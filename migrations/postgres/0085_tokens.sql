-- Owned by projection accounts.v1: tokens for a purpose have an id, those of log-ins have none.
ALTER TABLE user_tokens ADD COLUMN id uuid;
ALTER TABLE user_tokens ADD COLUMN name text;          -- an envelope
ALTER TABLE user_tokens ADD COLUMN permissions text;   -- names with commas between; null is all
ALTER TABLE user_tokens ADD COLUMN organizations text; -- ids with commas between; null is all
ALTER TABLE user_tokens ADD COLUMN read_only boolean NOT NULL DEFAULT false;
ALTER TABLE user_tokens ADD COLUMN expires_at timestamptz;
ALTER TABLE user_tokens ADD COLUMN created_at timestamptz;
CREATE INDEX user_tokens_id ON user_tokens (id) WHERE id IS NOT NULL;

-- Owned by app: state that may be lost, flushed every few seconds.
CREATE TABLE token_uses (
    token_id uuid NOT NULL PRIMARY KEY,
    used_at timestamptz NOT NULL
);
