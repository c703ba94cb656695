//! Blobs in a table of PostgreSQL.

use std::collections::HashSet;

use uuid::Uuid;

use super::{BlobStats, Key, Sha256, Stored};
use crate::{Op, Query, Store, StoreError, args};

#[derive(Debug)]
pub(crate) struct BlobTable {
    store: Store,
}

impl BlobTable {
    pub(super) fn new(store: Store) -> Self {
        Self { store }
    }

    pub(super) async fn put(&self, batch: Vec<Stored>) -> Result<(), StoreError> {
        let insert = |Stored { key: (organization, sha256), size, body }: Stored| {
            Op::new(
                "INSERT INTO blobs (organization_id, sha256, size, body) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (organization_id, sha256) DO NOTHING",
                args![
                    organization,
                    &sha256.as_bytes()[..],
                    i64::try_from(size).unwrap_or(i64::MAX),
                    body
                ],
            )
        };
        self.store.execute(batch.into_iter().map(insert).collect()).await?;
        Ok(())
    }

    pub(super) async fn get(&self, key: Key) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.store.fetch(one("SELECT body FROM blobs", key)).await?;
        rows.first().map(|row| row.bytes(0)).transpose()
    }

    /// Those of the hashes that an organization has.
    pub(super) async fn held(
        &self,
        organization: Uuid,
        hashes: &[Sha256],
    ) -> Result<HashSet<Sha256>, StoreError> {
        let digits = hashes.iter().map(Sha256::to_string).collect::<Vec<_>>().join(",");
        let query = Query::new(
            "SELECT encode(sha256, 'hex') FROM blobs WHERE organization_id = $1
             AND sha256 = ANY (ARRAY (SELECT decode(n.digits, 'hex') FROM unnest(string_to_array($2, ',')) AS n (digits)))",
            args![organization, digits],
        );
        let rows = self.store.fetch(query).await?;
        rows.iter()
            .map(|row| row.text(0)?.parse().map_err(|_| StoreError::column(0, "hash")))
            .collect()
    }

    pub(super) async fn remove(&self, key: Key) -> Result<bool, StoreError> {
        let Query { sql, args, .. } = one("DELETE FROM blobs", key);
        let returning = Op { sql, args };
        Ok(self.store.execute(vec![returning]).await?.iter().sum::<u64>() > 0)
    }

    pub(super) async fn stats(&self) -> Result<BlobStats, StoreError> {
        let sums = Query::new(
            "SELECT count(*), CAST(COALESCE(sum(size), 0) AS bigint), CAST(COALESCE(sum(octet_length(body)), 0) AS bigint) FROM blobs",
            vec![],
        );
        let rows = self.store.fetch(sums).await?;
        let row = rows.first().ok_or_else(|| StoreError::column(0, "count"))?;
        Ok(BlobStats {
            count: row.int(0)?.unsigned_abs(),
            plain_bytes: row.int(1)?.unsigned_abs(),
            stored_bytes: row.int(2)?.unsigned_abs(),
        })
    }
}

fn one(text: &str, (organization, sha256): Key) -> Query {
    Query::new(
        format!("{text} WHERE organization_id = $1 AND sha256 = $2"),
        args![organization, &sha256.as_bytes()[..]],
    )
}
