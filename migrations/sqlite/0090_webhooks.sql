-- Owned by projection webhooks.v1.
CREATE TABLE webhooks (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT,             -- null is the whole installation
    name            TEXT    NOT NULL,
    url             TEXT    NOT NULL,
    selection       TEXT    NOT NULL, -- JSON
    secret          TEXT    NOT NULL, -- an envelope
    previous_secret TEXT,             -- an envelope
    previous_until  INTEGER,
    state           TEXT    NOT NULL, -- active | paused | disabled
    why             TEXT,             -- of disabled: failing | gone
    since           INTEGER,          -- of disabled: the first failure
    begins          INTEGER NOT NULL, -- position: events after it are delivered
    active_at       INTEGER NOT NULL, -- created or resumed
    created_at      INTEGER NOT NULL,
    modified_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_organization ON webhooks (organization_id, name);

-- Owned by app: how far events were made into deliveries, and who delivers.
CREATE TABLE webhook_queues (
    webhook_id  TEXT    NOT NULL PRIMARY KEY,
    position    INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER
) STRICT;

-- Owned by app: what is to be delivered and what was.
CREATE TABLE webhook_deliveries (
    id              TEXT    NOT NULL PRIMARY KEY,
    webhook_id      TEXT    NOT NULL,
    organization_id TEXT,
    kind            TEXT    NOT NULL, -- event | redelivery | test
    state           TEXT    NOT NULL, -- queued | delivered | skipped | failed
    position        INTEGER NOT NULL, -- 0 for a test
    event_type      TEXT    NOT NULL,
    lane            TEXT    NOT NULL, -- what is delivered in order: the id of the stream
    attempts        INTEGER NOT NULL,
    next_at         INTEGER NOT NULL,
    failing_since   INTEGER,
    attempted_at    INTEGER,
    status          INTEGER,          -- of the last answer
    error           TEXT,             -- of the last attempt
    created_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at) WHERE state = 'queued';
CREATE INDEX webhook_deliveries_lane ON webhook_deliveries (webhook_id, lane, position) WHERE state = 'queued';
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (created_at) WHERE state <> 'queued';
CREATE UNIQUE INDEX webhook_deliveries_again ON webhook_deliveries (webhook_id, position) WHERE state = 'queued' AND kind = 'redelivery';
