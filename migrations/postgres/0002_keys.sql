-- owned by store: the keys of organizations and persons, wrapped by the master key

-- the key of fingerprints, wrapped too: the value that a master key is checked against
CREATE TABLE keyring (
  id              integer NOT NULL PRIMARY KEY CHECK (id = 1),
  fingerprint_key bytea   NOT NULL
);

-- a destroyed key leaves its row, so that none is made again
CREATE TABLE subject_keys (
  subject_id   uuid        NOT NULL PRIMARY KEY,
  kind         text        NOT NULL, -- organization | person
  wrapped_key  bytea,
  created_at   timestamptz NOT NULL,
  destroyed_at timestamptz
);
