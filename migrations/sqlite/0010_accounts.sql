-- Owned by projection render_inputs.v1: rendering and the agents' edge read organizations too.
CREATE TABLE organizations (
    id                 TEXT    NOT NULL PRIMARY KEY,
    name               TEXT    NOT NULL,
    slug               TEXT    NOT NULL,
    description        TEXT    NOT NULL,
    email              TEXT    NOT NULL,
    url                TEXT    NOT NULL,
    active             INTEGER NOT NULL,
    registration_open  INTEGER NOT NULL,
    secret             TEXT    NOT NULL,
    secret_fingerprint TEXT    NOT NULL,
    variables          TEXT    NOT NULL,
    device_limit       INTEGER,          -- 0 is any number, NULL is none at all
    changed            INTEGER NOT NULL, -- position of the last change that rendering sees
    created_at         INTEGER NOT NULL,
    modified_at        INTEGER NOT NULL
) STRICT;
CREATE INDEX organizations_secret ON organizations (secret_fingerprint);
CREATE INDEX organizations_slug ON organizations (slug);

-- Owned by projection users.v1.
CREATE TABLE users (
    id                   TEXT    NOT NULL PRIMARY KEY,
    username             TEXT    NOT NULL, -- an envelope
    username_fingerprint TEXT    NOT NULL,
    email                TEXT,             -- an envelope
    email_fingerprint    TEXT,
    password             TEXT,             -- an envelope around an Argon2 hash
    superuser            INTEGER NOT NULL,
    staff                INTEGER NOT NULL,
    active               INTEGER NOT NULL,
    roles                TEXT    NOT NULL, -- JSON
    memberships          TEXT    NOT NULL, -- JSON
    created_at           INTEGER NOT NULL
) STRICT;
CREATE INDEX users_username ON users (username_fingerprint);
CREATE INDEX users_email ON users (email_fingerprint);

CREATE TABLE user_tokens (
    token   TEXT NOT NULL PRIMARY KEY, -- a keyed hash
    user_id TEXT NOT NULL
) STRICT;
CREATE INDEX user_tokens_user ON user_tokens (user_id);
