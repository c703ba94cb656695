-- The log: the only tables whose loss cannot be repaired. Owned by store.

CREATE TABLE events (
    position        INTEGER PRIMARY KEY,
    aggregate_type  TEXT    NOT NULL,
    aggregate_id    TEXT    NOT NULL,
    sequence        INTEGER NOT NULL CHECK (sequence >= 0),
    event_type      TEXT    NOT NULL,
    event_version   TEXT    NOT NULL,
    payload         TEXT    NOT NULL,
    metadata        TEXT    NOT NULL,
    event_id        TEXT    NOT NULL,
    organization_id TEXT,
    actor           TEXT,
    correlation_id  TEXT,
    causation       TEXT,
    recorded_at     INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    retention       INTEGER NOT NULL DEFAULT 0,
    payload_hash    BLOB,
    hash            BLOB,
    UNIQUE (aggregate_type, aggregate_id, sequence)
) STRICT;

CREATE INDEX events_organization ON events (organization_id, position) WHERE organization_id IS NOT NULL;
CREATE INDEX events_correlation ON events (correlation_id) WHERE correlation_id IS NOT NULL;

-- One row. chained is the last position that is in the hash chain; hash belongs to it.
CREATE TABLE store_head (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    position    INTEGER NOT NULL,
    chained     INTEGER NOT NULL,
    hash        BLOB    NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;

INSERT INTO store_head (id, position, chained, hash, recorded_at) VALUES (1, 0, 0, x'', 0);

-- What readers must be able to decode.
CREATE TABLE event_types (
    type           TEXT    NOT NULL,
    version        TEXT    NOT NULL,
    first_position INTEGER NOT NULL,
    PRIMARY KEY (type, version)
) STRICT, WITHOUT ROWID;

-- Idempotency keys; rows live 7 days.
CREATE TABLE command_log (
    actor          TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    fingerprint    BLOB    NOT NULL,
    first_position INTEGER NOT NULL,
    last_position  INTEGER NOT NULL,
    response       TEXT,
    recorded_at    INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX command_log_age ON command_log (recorded_at);

-- Values that belong to one stream at a time. No scope is the nil UUID.
CREATE TABLE claims (
    kind           TEXT    NOT NULL,
    scope          TEXT    NOT NULL,
    value          TEXT    NOT NULL,
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    counts_for     TEXT,
    position       INTEGER NOT NULL,
    PRIMARY KEY (kind, scope, value)
) STRICT, WITHOUT ROWID;

CREATE INDEX claims_holder ON claims (aggregate_type, aggregate_id);

-- How many claims of a kind count for something: limits are compared with it.
CREATE TABLE claim_counts (
    kind       TEXT    NOT NULL,
    counts_for TEXT    NOT NULL,
    count      INTEGER NOT NULL,
    PRIMARY KEY (kind, counts_for)
) STRICT, WITHOUT ROWID;

-- A cache of the states of long streams.
CREATE TABLE aggregate_snapshots (
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    last_sequence  INTEGER NOT NULL,
    format         INTEGER NOT NULL,
    payload        TEXT    NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
) STRICT, WITHOUT ROWID;

-- How far each projection has come. state: running | rebuilding | paused | failed
CREATE TABLE projection_checkpoints (
    name           TEXT    NOT NULL,
    generation     INTEGER NOT NULL DEFAULT 1,
    position       INTEGER NOT NULL DEFAULT 0,
    state          TEXT    NOT NULL DEFAULT 'running',
    error          TEXT,
    error_position INTEGER,
    updated_at     INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    PRIMARY KEY (name, generation)
) STRICT, WITHOUT ROWID;
