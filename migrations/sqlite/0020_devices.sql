-- Owned by projection render_inputs.v1.
CREATE TABLE devices (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    mac_address     TEXT    NOT NULL,
    key             TEXT    NOT NULL, -- an envelope
    key_fingerprint TEXT    NOT NULL,
    hardware_id     TEXT,
    model           TEXT    NOT NULL,
    os              TEXT    NOT NULL,
    system          TEXT    NOT NULL,
    notes           TEXT    NOT NULL,
    group_id        TEXT,
    management_ip   TEXT,             -- as recorded; presence may know a newer one
    active          INTEGER NOT NULL,
    changed         INTEGER NOT NULL, -- position of the last change that rendering sees
    created_at      INTEGER NOT NULL,
    modified_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX devices_organization ON devices (organization_id, created_at);
CREATE INDEX devices_key ON devices (key_fingerprint);
CREATE INDEX devices_group ON devices (group_id, id);
CREATE INDEX devices_created ON devices (created_at);

CREATE TABLE device_groups (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    templates       TEXT    NOT NULL, -- JSON list of ids, in order
    variables       TEXT    NOT NULL,
    meta_data       TEXT    NOT NULL,
    removed         INTEGER NOT NULL, -- kept, so that its devices see that an input changed
    changed         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    modified_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX device_groups_organization ON device_groups (organization_id, created_at);
