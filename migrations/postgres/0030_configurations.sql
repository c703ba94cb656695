-- Owned by projection render_inputs.v1.
CREATE TABLE templates (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid,             -- NULL is shared
    name text NOT NULL,
    backend text NOT NULL,
    config text NOT NULL,
    default_values text NOT NULL,
    tags text NOT NULL, -- JSON list
    is_default boolean NOT NULL,
    is_required boolean NOT NULL,
    notes text NOT NULL,
    removed boolean NOT NULL, -- kept, so that its devices see that an input changed
    changed bigint NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL
);
CREATE INDEX templates_organization ON templates (organization_id, created_at);

CREATE TABLE configurations (
    device_id uuid NOT NULL PRIMARY KEY,
    organization_id uuid NOT NULL,
    backend text NOT NULL,
    config text NOT NULL,
    variables text NOT NULL,
    status text NOT NULL,
    error_reason text NOT NULL,
    undecided boolean NOT NULL, -- the next rendering settles an activation or deactivation
    sha256 text,
    md5 text,
    size bigint,
    inputs_position bigint,
    renderer bigint,
    failure text,             -- why the inputs make no archive at present
    defaults_position bigint NOT NULL,
    changed bigint NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL
);
CREATE INDEX configurations_status ON configurations (status);
CREATE INDEX configurations_organization ON configurations (organization_id, backend);

CREATE TABLE configuration_templates (
    device_id uuid NOT NULL,
    ordinal bigint NOT NULL,
    template_id uuid NOT NULL,
    PRIMARY KEY (device_id, ordinal)
);
CREATE INDEX configuration_templates_template ON configuration_templates (template_id, device_id);
