-- Owned by app: requests under an idempotency key, kept for a day, and what they were answered.
CREATE TABLE idempotent_requests (
    id text NOT NULL PRIMARY KEY, -- a keyed hash of account, method, path and key
    actor text NOT NULL,
    request text NOT NULL, -- a keyed hash of what was asked
    head bigint NOT NULL, -- end of the log when it was asked
    correlation_id uuid,
    answer text, -- an envelope; NULL as long as there is none
    started_at timestamptz NOT NULL
);
CREATE INDEX idempotent_requests_actor ON idempotent_requests (actor, started_at);
CREATE INDEX idempotent_requests_started ON idempotent_requests (started_at);
