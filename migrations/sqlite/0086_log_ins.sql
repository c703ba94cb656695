-- Owned by projection accounts.v1: rows live a year.
CREATE TABLE log_ins (
    id      TEXT    NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    user_id TEXT,             -- null where there is no such account
    login   TEXT    NOT NULL, -- the account's id, or a fingerprint of what was given for one
    outcome TEXT    NOT NULL, -- succeeded | wrong_password | unknown_account | inactive | limited
    method  TEXT    NOT NULL, -- password | password_change | link
    address TEXT,             -- an envelope
    network TEXT,             -- a fingerprint of the address, of the first 64 bits for IPv6
    times   INTEGER NOT NULL
) STRICT;
CREATE INDEX log_ins_at ON log_ins (at, id);
CREATE INDEX log_ins_user ON log_ins (user_id, at);
CREATE INDEX log_ins_login ON log_ins (login, at);
CREATE INDEX log_ins_network ON log_ins (network, at);

ALTER TABLE users ADD COLUMN last_log_in_at INTEGER;
