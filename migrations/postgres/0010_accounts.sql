-- Owned by projection render_inputs.v1: rendering and the agents' edge read organizations too.
CREATE TABLE organizations (
    id uuid NOT NULL PRIMARY KEY,
    name text NOT NULL,
    slug text NOT NULL,
    description text NOT NULL,
    email text NOT NULL,
    url text NOT NULL,
    active boolean NOT NULL,
    registration_open boolean NOT NULL,
    secret text NOT NULL,
    secret_fingerprint text NOT NULL,
    variables text NOT NULL,
    device_limit bigint,          -- 0 is any number, NULL is none at all
    changed bigint NOT NULL, -- position of the last change that rendering sees
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL
);
CREATE INDEX organizations_secret ON organizations (secret_fingerprint);
CREATE INDEX organizations_slug ON organizations (slug);

-- Owned by projection users.v1.
CREATE TABLE users (
    id uuid NOT NULL PRIMARY KEY,
    username text NOT NULL, -- an envelope
    username_fingerprint text NOT NULL,
    email text,             -- an envelope
    email_fingerprint text,
    password text,             -- an envelope around an Argon2 hash
    superuser boolean NOT NULL,
    staff boolean NOT NULL,
    active boolean NOT NULL,
    roles text NOT NULL, -- JSON
    memberships text NOT NULL, -- JSON
    created_at timestamptz NOT NULL
);
CREATE INDEX users_username ON users (username_fingerprint);
CREATE INDEX users_email ON users (email_fingerprint);

CREATE TABLE user_tokens (
    token text NOT NULL PRIMARY KEY, -- a keyed hash
    user_id uuid NOT NULL
);
CREATE INDEX user_tokens_user ON user_tokens (user_id);
