-- Owned by store: up to where contents that are kept for a while only were taken away, for each class of retention.
CREATE TABLE expired (
    retention INTEGER NOT NULL PRIMARY KEY,
    position  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX events_fleeting ON events (retention, position) WHERE retention > 0;
