-- Owned by projection render_inputs.v1.
CREATE TABLE templates (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT,             -- NULL is shared
    name            TEXT    NOT NULL,
    backend         TEXT    NOT NULL,
    config          TEXT    NOT NULL,
    default_values  TEXT    NOT NULL,
    tags            TEXT    NOT NULL, -- JSON list
    is_default      INTEGER NOT NULL,
    is_required     INTEGER NOT NULL,
    notes           TEXT    NOT NULL,
    removed         INTEGER NOT NULL, -- kept, so that its devices see that an input changed
    changed         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    modified_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX templates_organization ON templates (organization_id, created_at);

CREATE TABLE configurations (
    device_id         TEXT    NOT NULL PRIMARY KEY,
    organization_id   TEXT    NOT NULL,
    backend           TEXT    NOT NULL,
    config            TEXT    NOT NULL,
    variables         TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    error_reason      TEXT    NOT NULL,
    undecided         INTEGER NOT NULL, -- the next rendering settles an activation or deactivation
    sha256            TEXT,
    md5               TEXT,
    size              INTEGER,
    inputs_position   INTEGER,
    renderer          INTEGER,
    failure           TEXT,             -- why the inputs make no archive at present
    defaults_position INTEGER NOT NULL,
    changed           INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    modified_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX configurations_status ON configurations (status);
CREATE INDEX configurations_organization ON configurations (organization_id, backend);

CREATE TABLE configuration_templates (
    device_id   TEXT    NOT NULL,
    ordinal     INTEGER NOT NULL,
    template_id TEXT    NOT NULL,
    PRIMARY KEY (device_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX configuration_templates_template ON configuration_templates (template_id, device_id);
