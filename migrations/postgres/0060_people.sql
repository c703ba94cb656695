-- Owned by projection accounts.v1, which takes the place of users.v1.
DROP TABLE users;
DROP TABLE user_tokens;
DELETE FROM projection_checkpoints WHERE name = 'users.v1';

CREATE TABLE users (
    id uuid NOT NULL PRIMARY KEY,
    username text NOT NULL, -- an envelope
    username_fingerprint text NOT NULL,
    email text,             -- an envelope
    email_fingerprint text,
    phone text,             -- an envelope
    phone_fingerprint text,
    password text,             -- an envelope around a hash
    password_at timestamptz,
    superuser boolean NOT NULL,
    staff boolean NOT NULL,
    active boolean NOT NULL,
    expires_on text,
    first_name text, -- an envelope
    last_name text, -- an envelope
    birth_date text, -- an envelope
    location text, -- an envelope
    company text, -- an envelope
    bio text, -- an envelope
    url text, -- an envelope
    notes text, -- an envelope
    language text NOT NULL,
    time_zone text NOT NULL,
    permissions text NOT NULL, -- names with commas between
    epoch bigint NOT NULL,
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL
);
CREATE INDEX users_username ON users (username_fingerprint);
CREATE INDEX users_email ON users (email_fingerprint);
CREATE INDEX users_phone ON users (phone_fingerprint);
CREATE INDEX users_created ON users (created_at, id);

CREATE TABLE user_tokens (
    token text NOT NULL PRIMARY KEY, -- a keyed hash
    user_id uuid NOT NULL
);
CREATE INDEX user_tokens_user ON user_tokens (user_id);

CREATE TABLE user_memberships (
    user_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    manager boolean NOT NULL,
    owner boolean NOT NULL,
    added bigint NOT NULL, -- position
    PRIMARY KEY (user_id, organization_id)
);
CREATE INDEX user_memberships_organization ON user_memberships (organization_id, user_id);

CREATE TABLE user_groups (
    user_id uuid NOT NULL,
    group_id uuid NOT NULL,
    PRIMARY KEY (user_id, group_id)
);

CREATE TABLE user_email_addresses (
    number bigint NOT NULL PRIMARY KEY,
    user_id uuid NOT NULL,
    address text NOT NULL, -- an envelope
    fingerprint text NOT NULL,
    verified boolean NOT NULL,
    is_primary boolean NOT NULL
);
CREATE INDEX user_email_addresses_user ON user_email_addresses (user_id);

CREATE TABLE permission_groups (
    id uuid NOT NULL PRIMARY KEY,
    number bigint NOT NULL,
    name text NOT NULL,
    permissions text NOT NULL, -- names with commas between
    created_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX permission_groups_number ON permission_groups (number);

-- The highest number that was ever given, by what it was given to.
CREATE TABLE account_numbers (
    kind text NOT NULL PRIMARY KEY, -- email_address | permission_group
    last bigint NOT NULL
);
