-- owned by store: the keys of organizations and persons, wrapped by the master key

-- the key of fingerprints, wrapped too: the value that a master key is checked against
CREATE TABLE keyring (
  id              INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  fingerprint_key BLOB    NOT NULL
) STRICT;

-- a destroyed key leaves its row, so that none is made again
CREATE TABLE subject_keys (
  subject_id   TEXT    NOT NULL PRIMARY KEY,
  kind         TEXT    NOT NULL, -- organization | person
  wrapped_key  BLOB,
  created_at   INTEGER NOT NULL,
  destroyed_at INTEGER
) STRICT, WITHOUT ROWID;
