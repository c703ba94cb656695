-- The log: the only tables whose loss cannot be repaired. Owned by store.

-- A superset of the table of postgres-es: every further column is nullable, has a default or is filled by the trigger.
CREATE TABLE events (
    aggregate_type  text        NOT NULL,
    aggregate_id    text        NOT NULL,
    sequence        bigint      NOT NULL CHECK (sequence >= 0),
    event_type      text        NOT NULL,
    event_version   text        NOT NULL,
    payload         json        NOT NULL,
    metadata        json        NOT NULL,
    position        bigint      NOT NULL,
    event_id        uuid        NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid,
    actor           text,
    correlation_id  uuid,
    causation       text,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    retention       smallint    NOT NULL DEFAULT 0,
    payload_hash    bytea,
    hash            bytea,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence),
    UNIQUE (position)
);

CREATE INDEX events_organization ON events (organization_id, position) WHERE organization_id IS NOT NULL;
CREATE INDEX events_correlation ON events (correlation_id) WHERE correlation_id IS NOT NULL;

-- One row. chained is the last position that is in the hash chain; hash belongs to it.
CREATE TABLE store_head (
    id          int         PRIMARY KEY CHECK (id = 1),
    position    bigint      NOT NULL,
    chained     bigint      NOT NULL,
    hash        bytea       NOT NULL,
    recorded_at timestamptz NOT NULL
) WITH (fillfactor = 10);

INSERT INTO store_head (id, position, chained, hash, recorded_at) VALUES (1, 0, 0, '', 'epoch');

-- Writers that know nothing of us get their position here, under the lock that our appends take.
CREATE FUNCTION events_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE store_head SET position = position + 1, recorded_at = greatest(recorded_at, clock_timestamp())
        WHERE id = 1 RETURNING position, recorded_at INTO NEW.position, NEW.recorded_at;
    PERFORM pg_notify('events', NEW.position::text);
    RETURN NEW;
END $$;

CREATE TRIGGER events_position BEFORE INSERT ON events
    FOR EACH ROW WHEN (NEW.position IS NULL) EXECUTE FUNCTION events_position();

-- What readers must be able to decode.
CREATE TABLE event_types (
    type           text   NOT NULL,
    version        text   NOT NULL,
    first_position bigint NOT NULL,
    PRIMARY KEY (type, version)
);

-- Idempotency keys; rows live 7 days.
CREATE TABLE command_log (
    actor          text        NOT NULL,
    key            text        NOT NULL,
    fingerprint    bytea       NOT NULL,
    first_position bigint      NOT NULL,
    last_position  bigint      NOT NULL,
    response       json,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (actor, key)
);

CREATE INDEX command_log_age ON command_log (recorded_at);

-- Values that belong to one stream at a time. No scope is the nil UUID.
CREATE TABLE claims (
    kind           text   NOT NULL,
    scope          uuid   NOT NULL,
    value          text   NOT NULL,
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    counts_for     uuid,
    position       bigint NOT NULL,
    PRIMARY KEY (kind, scope, value)
);

CREATE INDEX claims_holder ON claims (aggregate_type, aggregate_id);

-- How many claims of a kind count for something: limits are compared with it.
CREATE TABLE claim_counts (
    kind       text   NOT NULL,
    counts_for uuid   NOT NULL,
    count      bigint NOT NULL,
    PRIMARY KEY (kind, counts_for)
);

-- A cache of the states of long streams. Not called snapshots: that name belongs to postgres-es.
CREATE TABLE aggregate_snapshots (
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    last_sequence  bigint NOT NULL,
    format         bigint NOT NULL,
    payload        json   NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
);

-- How far each projection has come. state: running | rebuilding | paused | failed
CREATE TABLE projection_checkpoints (
    name           text        NOT NULL,
    generation     int         NOT NULL DEFAULT 1,
    position       bigint      NOT NULL DEFAULT 0,
    state          text        NOT NULL DEFAULT 'running',
    error          text,
    error_position bigint,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, generation)
);
