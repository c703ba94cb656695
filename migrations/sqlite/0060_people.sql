-- Owned by projection accounts.v1, which takes the place of users.v1.
DROP TABLE users;
DROP TABLE user_tokens;
DELETE FROM projection_checkpoints WHERE name = 'users.v1';

CREATE TABLE users (
    id                   TEXT    NOT NULL PRIMARY KEY,
    username             TEXT    NOT NULL, -- an envelope
    username_fingerprint TEXT    NOT NULL,
    email                TEXT,             -- an envelope
    email_fingerprint    TEXT,
    phone                TEXT,             -- an envelope
    phone_fingerprint    TEXT,
    password             TEXT,             -- an envelope around a hash
    password_at          INTEGER,
    superuser            INTEGER NOT NULL,
    staff                INTEGER NOT NULL,
    active               INTEGER NOT NULL,
    expires_on           TEXT,
    first_name           TEXT,             -- an envelope
    last_name            TEXT,             -- an envelope
    birth_date           TEXT,             -- an envelope
    location             TEXT,             -- an envelope
    company              TEXT,             -- an envelope
    bio                  TEXT,             -- an envelope
    url                  TEXT,             -- an envelope
    notes                TEXT,             -- an envelope
    language             TEXT    NOT NULL,
    time_zone            TEXT    NOT NULL,
    permissions          TEXT    NOT NULL, -- names with commas between
    epoch                INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    modified_at          INTEGER NOT NULL
) STRICT;
CREATE INDEX users_username ON users (username_fingerprint);
CREATE INDEX users_email ON users (email_fingerprint);
CREATE INDEX users_phone ON users (phone_fingerprint);
CREATE INDEX users_created ON users (created_at, id);

CREATE TABLE user_tokens (
    token   TEXT NOT NULL PRIMARY KEY, -- a keyed hash
    user_id TEXT NOT NULL
) STRICT;
CREATE INDEX user_tokens_user ON user_tokens (user_id);

CREATE TABLE user_memberships (
    user_id         TEXT    NOT NULL,
    organization_id TEXT    NOT NULL,
    manager         INTEGER NOT NULL,
    owner           INTEGER NOT NULL,
    added           INTEGER NOT NULL, -- position
    PRIMARY KEY (user_id, organization_id)
) STRICT;
CREATE INDEX user_memberships_organization ON user_memberships (organization_id, user_id);

CREATE TABLE user_groups (
    user_id  TEXT NOT NULL,
    group_id TEXT NOT NULL,
    PRIMARY KEY (user_id, group_id)
) STRICT;

CREATE TABLE user_email_addresses (
    number      INTEGER NOT NULL PRIMARY KEY,
    user_id     TEXT    NOT NULL,
    address     TEXT    NOT NULL, -- an envelope
    fingerprint TEXT    NOT NULL,
    verified    INTEGER NOT NULL,
    is_primary  INTEGER NOT NULL
) STRICT;
CREATE INDEX user_email_addresses_user ON user_email_addresses (user_id);

CREATE TABLE permission_groups (
    id          TEXT    NOT NULL PRIMARY KEY,
    number      INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    permissions TEXT    NOT NULL, -- names with commas between
    created_at  INTEGER NOT NULL,
    modified_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX permission_groups_number ON permission_groups (number);

-- The highest number that was ever given, by what it was given to.
CREATE TABLE account_numbers (
    kind TEXT    NOT NULL PRIMARY KEY, -- email_address | permission_group
    last INTEGER NOT NULL
) STRICT;
