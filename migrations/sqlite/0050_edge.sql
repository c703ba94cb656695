-- Owned by app: a cache, what a rendering of a device was last computed from and what it gave.
CREATE TABLE renderings (
    device_id TEXT    NOT NULL PRIMARY KEY,
    position  INTEGER NOT NULL,
    sha256    TEXT, -- NULL is a failure
    renderer  INTEGER NOT NULL
) STRICT;

-- Owned by app: state that may be lost, flushed every few seconds.
CREATE TABLE presence (
    device_id       TEXT    NOT NULL PRIMARY KEY,
    last_ip         TEXT,
    management_ip   TEXT,
    last_contact    INTEGER,
    last_checksum   INTEGER,
    last_download   INTEGER,
    downloaded_md5  TEXT,
    last_report     INTEGER,
    wrong_keys      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;

-- Owned by app: refused registrations and polls, bounded.
CREATE TABLE refusals (
    kind            TEXT    NOT NULL, -- registration | poll
    reason          TEXT    NOT NULL,
    organization_id TEXT    NOT NULL, -- the nil UUID where it is not known
    subject         TEXT    NOT NULL, -- device id, or MAC address at registration
    address         TEXT    NOT NULL,
    count           INTEGER NOT NULL,
    first_at        INTEGER NOT NULL,
    last_at         INTEGER NOT NULL,
    PRIMARY KEY (kind, reason, organization_id, subject, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX refusals_last ON refusals (last_at);
