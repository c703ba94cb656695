-- Owned by app: requests under an idempotency key, kept for a day, and what they were answered.
CREATE TABLE idempotent_requests (
    id             TEXT    NOT NULL PRIMARY KEY, -- a keyed hash of account, method, path and key
    actor          TEXT    NOT NULL,
    request        TEXT    NOT NULL,             -- a keyed hash of what was asked
    head           INTEGER NOT NULL,             -- end of the log when it was asked
    correlation_id TEXT,
    answer         TEXT,                         -- an envelope; NULL as long as there is none
    started_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotent_requests_actor ON idempotent_requests (actor, started_at);
CREATE INDEX idempotent_requests_started ON idempotent_requests (started_at);
