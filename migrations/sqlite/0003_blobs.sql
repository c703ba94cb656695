-- owned by store: unused, because blobs have a file of their own (blobs.db); here so that both databases have the same tables

CREATE TABLE blobs (
  organization_id TEXT    NOT NULL,
  sha256          BLOB    NOT NULL,
  size            INTEGER NOT NULL, -- bytes before packing
  body            BLOB    NOT NULL, -- nonce, sealed packing and bytes
  PRIMARY KEY (organization_id, sha256)
) STRICT;
