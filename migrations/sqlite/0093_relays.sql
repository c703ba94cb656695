-- Owned by app: how far the log was written into other systems, and who writes.
CREATE TABLE relays (
    name        TEXT    NOT NULL PRIMARY KEY,
    target      TEXT    NOT NULL, -- where to; another one begins anew
    begins      INTEGER NOT NULL, -- position: events after it are written
    position    INTEGER NOT NULL, -- everything up to here was acknowledged, or is not selected
    mark        INTEGER,          -- what the other side calls the last thing that it acknowledged
    state       TEXT    NOT NULL, -- working | unreachable | denied | foreign | refused
    error       TEXT,             -- of the last attempt
    since       INTEGER NOT NULL, -- of the state
    lease_owner TEXT,
    lease_until INTEGER
) STRICT;
