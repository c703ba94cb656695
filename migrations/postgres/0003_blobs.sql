-- owned by store: documents by their hash, sealed per organization

CREATE TABLE blobs (
  organization_id uuid   NOT NULL,
  sha256          bytea  NOT NULL,
  size            bigint NOT NULL, -- bytes before packing
  body            bytea  NOT NULL, -- nonce, sealed packing and bytes
  PRIMARY KEY (organization_id, sha256)
);
-- sealed bytes do not compress
ALTER TABLE blobs ALTER COLUMN body SET STORAGE EXTERNAL;
