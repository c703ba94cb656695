-- Owned by app: a cache, what a rendering of a device was last computed from and what it gave.
CREATE TABLE renderings (
    device_id uuid NOT NULL PRIMARY KEY,
    position bigint NOT NULL,
    sha256 text, -- NULL is a failure
    renderer bigint NOT NULL
);

-- Owned by app: state that may be lost, flushed every few seconds.
CREATE TABLE presence (
    device_id uuid NOT NULL PRIMARY KEY,
    last_ip text,
    management_ip text,
    last_contact timestamptz,
    last_checksum timestamptz,
    last_download timestamptz,
    downloaded_md5 text,
    last_report timestamptz,
    wrong_keys bigint NOT NULL,
    updated_at timestamptz NOT NULL
);

-- Owned by app: refused registrations and polls, bounded.
CREATE TABLE refusals (
    kind text NOT NULL, -- registration | poll
    reason text NOT NULL,
    organization_id uuid NOT NULL, -- the nil UUID where it is not known
    subject text NOT NULL, -- device id, or MAC address at registration
    address text NOT NULL,
    count bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (kind, reason, organization_id, subject, address)
);
CREATE INDEX refusals_last ON refusals (last_at);
