-- Owned by projection accounts.v1: rows live a year.
CREATE TABLE log_ins (
    id uuid NOT NULL PRIMARY KEY,
    at timestamptz NOT NULL,
    user_id uuid,           -- null where there is no such account
    login text NOT NULL,    -- the account's id, or a fingerprint of what was given for one
    outcome text NOT NULL,  -- succeeded | wrong_password | unknown_account | inactive | limited
    method text NOT NULL,   -- password | password_change | link
    address text,           -- an envelope
    network text,           -- a fingerprint of the address, of the first 64 bits for IPv6
    times bigint NOT NULL
);
CREATE INDEX log_ins_at ON log_ins (at, id);
CREATE INDEX log_ins_user ON log_ins (user_id, at);
CREATE INDEX log_ins_login ON log_ins (login, at);
CREATE INDEX log_ins_network ON log_ins (network, at);

ALTER TABLE users ADD COLUMN last_log_in_at timestamptz;
