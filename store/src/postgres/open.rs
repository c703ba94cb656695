//! Transactions on connections of the pool.

use std::ops::{Deref, DerefMut};

use sqlx::{Executor as _, PgConnection, PgPool, Postgres, pool::PoolConnection};

/// A connection with an open transaction.
///
/// When it is dropped before its end (whoever waited may have gone) the connection is closed and the server rolls back.
/// sqlx's own transactions do not know of a BEGIN that nobody waited for, and give the connection back to the pool with
/// the transaction open: whoever gets it next writes into a transaction of somebody else.
pub(super) struct Open(Option<PoolConnection<Postgres>>);

impl Open {
    /// Begins with this statement.
    pub(super) async fn begin(pool: &PgPool, statement: &'static str) -> sqlx::Result<Self> {
        let mut open = Self(Some(pool.acquire().await?));
        open.execute(sqlx::raw_sql(statement)).await?;
        Ok(open)
    }

    /// Lets everything have happened.
    pub(super) async fn commit(self) -> sqlx::Result<()> {
        self.end("COMMIT").await
    }

    /// Lets nothing have happened.
    pub(super) async fn rollback(self) -> sqlx::Result<()> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> sqlx::Result<()> {
        self.execute(sqlx::raw_sql(statement)).await?;
        drop(self.0.take());
        Ok(())
    }
}

impl Deref for Open {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_ref().expect("it is there until the end")
    }
}

impl DerefMut for Open {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("it is there until the end")
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.0 {
            connection.close_on_drop();
        }
    }
}
