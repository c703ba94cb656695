//! How far the log is in archives, and whose turn it is to go on: one process at a time.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{Arg, Op, Query, Store, StoreError, args};

impl Store {
    /// Everything up to this position is in archives; 0 when there are none.
    pub async fn archived(&self) -> Result<i64, StoreError> {
        let query = Query::new("SELECT position FROM archiving WHERE id = 1", args![]);
        self.fetch(query).await?.first().map_or(Ok(0), |row| row.int(0))
    }
}

/// The right to make archives, for a while.
#[derive(Clone, Debug)]
pub struct ArchivingTurn {
    store: Store,
    owner: String,
}

impl ArchivingTurn {
    /// Takes the turn; none while another process has it. `owner` is never used twice; what owners whose names begin with
    /// `process` still have is taken over, because these are gone.
    pub async fn take(
        store: &Store,
        owner: &str,
        process: Option<&str>,
        (now, hold): (DateTime<Utc>, Duration),
    ) -> Result<Option<Self>, StoreError> {
        // No name begins with a line feed.
        let process = process.unwrap_or("\n");
        let op = Op::new(
            "INSERT INTO archiving (id, position, lease_owner, lease_until) VALUES (1, 0, $1, $2)
             ON CONFLICT (id) DO UPDATE SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
             WHERE archiving.lease_until IS NULL OR archiving.lease_until <= $3
                OR substr(archiving.lease_owner, 1, length($4)) = $4",
            args![owner, now + hold, now, process],
        );
        let taken = store.execute(vec![op]).await?.iter().sum::<u64>() > 0;
        Ok(taken.then(|| Self { store: store.clone(), owner: owner.to_owned() }))
    }

    /// Has it for longer. No is the answer when it is somebody else's by now.
    pub async fn keep(&self, until: DateTime<Utc>) -> Result<bool, StoreError> {
        self.held("lease_until = $2", args![until]).await
    }

    /// Notes that an archive has everything after one position up to another. No is the answer when it is somebody else's turn
    /// by now, or another archive has it.
    pub async fn archived(&self, after: i64, last: i64) -> Result<bool, StoreError> {
        let op = Op::new(
            "UPDATE archiving SET position = $2 WHERE id = 1 AND lease_owner = $1 AND position = $3",
            args![self.owner.as_str(), last, after],
        );
        Ok(self.store.execute(vec![op]).await?.iter().sum::<u64>() > 0)
    }

    /// Lets others have it.
    pub async fn end(self) -> Result<(), StoreError> {
        self.held("lease_owner = NULL, lease_until = NULL", args![]).await?;
        Ok(())
    }

    async fn held(&self, set: &str, further: Vec<Arg>) -> Result<bool, StoreError> {
        let text = format!("UPDATE archiving SET {set} WHERE id = 1 AND lease_owner = $1");
        let mut args = args![self.owner.as_str()];
        args.extend(further);
        Ok(self.store.execute(vec![Op::new(text, args)]).await?.iter().sum::<u64>() > 0)
    }
}
