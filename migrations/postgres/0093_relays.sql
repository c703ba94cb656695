-- Owned by app: how far the log was written into other systems, and who writes.
CREATE TABLE relays (
    name        text NOT NULL PRIMARY KEY,
    target      text NOT NULL, -- where to; another one begins anew
    begins      bigint NOT NULL, -- position: events after it are written
    position    bigint NOT NULL, -- everything up to here was acknowledged, or is not selected
    mark        bigint, -- what the other side calls the last thing that it acknowledged
    state       text NOT NULL, -- working | unreachable | denied | foreign | refused
    error       text, -- of the last attempt
    since       timestamptz NOT NULL, -- of the state
    lease_owner text,
    lease_until timestamptz
);
