-- Owned by store: how far the log is in archives, and whose turn it is to go on. One row.
CREATE TABLE archiving (
    id          bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    position    bigint NOT NULL,
    lease_owner text,
    lease_until timestamptz
);
