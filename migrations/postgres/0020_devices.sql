-- Owned by projection render_inputs.v1.
CREATE TABLE devices (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    name text NOT NULL,
    mac_address text NOT NULL,
    key text NOT NULL, -- an envelope
    key_fingerprint text NOT NULL,
    hardware_id text,
    model text NOT NULL,
    os text NOT NULL,
    system text NOT NULL,
    notes text NOT NULL,
    group_id uuid,
    management_ip text,             -- as recorded; presence may know a newer one
    active boolean NOT NULL,
    changed bigint NOT NULL, -- position of the last change that rendering sees
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL
);
CREATE INDEX devices_organization ON devices (organization_id, created_at);
CREATE INDEX devices_key ON devices (key_fingerprint);
CREATE INDEX devices_group ON devices (group_id, id);
CREATE INDEX devices_created ON devices (created_at);

CREATE TABLE device_groups (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    templates text NOT NULL, -- JSON list of ids, in order
    variables text NOT NULL,
    meta_data text NOT NULL,
    removed boolean NOT NULL, -- kept, so that its devices see that an input changed
    changed bigint NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL
);
CREATE INDEX device_groups_organization ON device_groups (organization_id, created_at);
