-- Owned by projection webhooks.v1.
CREATE TABLE webhooks (
    id              uuid NOT NULL PRIMARY KEY,
    organization_id uuid, -- null is the whole installation
    name            text NOT NULL,
    url             text NOT NULL,
    selection       text NOT NULL, -- JSON
    secret          text NOT NULL, -- an envelope
    previous_secret text, -- an envelope
    previous_until  timestamptz,
    state           text NOT NULL, -- active | paused | disabled
    why             text, -- of disabled: failing | gone
    since           timestamptz, -- of disabled: the first failure
    begins          bigint NOT NULL, -- position: events after it are delivered
    active_at       timestamptz NOT NULL, -- created or resumed
    created_at      timestamptz NOT NULL,
    modified_at     timestamptz NOT NULL
);
CREATE INDEX webhooks_organization ON webhooks (organization_id, name);

-- Owned by app: how far events were made into deliveries, and who delivers.
CREATE TABLE webhook_queues (
    webhook_id      uuid NOT NULL PRIMARY KEY,
    position        bigint NOT NULL,
    lease_owner     text,
    lease_until     timestamptz
);

-- Owned by app: what is to be delivered and what was.
CREATE TABLE webhook_deliveries (
    id              uuid NOT NULL PRIMARY KEY,
    webhook_id      uuid NOT NULL,
    organization_id uuid,
    kind            text NOT NULL, -- event | redelivery | test
    state           text NOT NULL, -- queued | delivered | skipped | failed
    position        bigint NOT NULL, -- 0 for a test
    event_type      text NOT NULL,
    lane            text NOT NULL, -- what is delivered in order: the id of the stream
    attempts        bigint NOT NULL,
    next_at         timestamptz NOT NULL,
    failing_since   timestamptz,
    attempted_at    timestamptz,
    status          bigint, -- of the last answer
    error           text, -- of the last attempt
    created_at      timestamptz NOT NULL
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at) WHERE state = 'queued';
CREATE INDEX webhook_deliveries_lane ON webhook_deliveries (webhook_id, lane, position) WHERE state = 'queued';
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (created_at) WHERE state <> 'queued';
CREATE UNIQUE INDEX webhook_deliveries_again ON webhook_deliveries (webhook_id, position) WHERE state = 'queued' AND kind = 'redelivery';
