-- Owned by store: up to where contents that are kept for a while only were taken away, for each class of retention.
CREATE TABLE expired (
    retention bigint NOT NULL PRIMARY KEY,
    position  bigint NOT NULL
);

CREATE INDEX events_fleeting ON events (retention, position) WHERE retention > 0;
