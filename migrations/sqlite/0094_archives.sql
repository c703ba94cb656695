-- Owned by store: how far the log is in archives, and whose turn it is to go on. One row.
CREATE TABLE archiving (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    position    INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER
) STRICT;
