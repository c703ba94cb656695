//! When tokens were used last: in memory, written down every few seconds.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{TokenId, UserId};
use parking_lot::Mutex;
use store::{Op, Store, StoreError, args};

/// Tokens that are kept between two rounds; others are not written down in this one.
const PENDING: usize = 10_000;

#[derive(Default)]
pub(crate) struct TokenUses(Mutex<HashMap<TokenId, DateTime<Utc>>>);

impl TokenUses {
    pub(super) fn note(&self, token: TokenId, now: DateTime<Utc>) {
        let mut pending = self.0.lock();
        if pending.len() < PENDING || pending.contains_key(&token) {
            pending.insert(token, now);
        }
    }

    /// What is not written down yet.
    pub(super) fn of(&self, token: TokenId) -> Option<DateTime<Utc>> {
        self.0.lock().get(&token).copied()
    }

    /// Writes down what is new; what cannot be written is tried again.
    pub(super) async fn flush(&self, store: &Store) -> Result<usize, StoreError> {
        let pending: Vec<_> = self.0.lock().iter().map(|(token, at)| (*token, *at)).collect();
        if pending.is_empty() {
            return Ok(0);
        }
        let used = |(token, at): &(TokenId, DateTime<Utc>)| {
            Op::new(
                "INSERT INTO token_uses (token_id, used_at) SELECT $1, $2 FROM user_tokens WHERE id = $1
                 ON CONFLICT (token_id) DO UPDATE SET used_at = excluded.used_at",
                args![token.as_uuid(), *at],
            )
        };
        for batch in pending.chunks(500) {
            store.execute(batch.iter().map(used).collect()).await?;
        }
        let mut kept = self.0.lock();
        for (token, at) in &pending {
            if kept.get(token) == Some(at) {
                kept.remove(token);
            }
        }
        Ok(pending.len())
    }

    /// Forgets those that are there no more.
    pub(super) async fn prune(store: &Store) -> Result<u64, StoreError> {
        let gone = Op::new(
            "DELETE FROM token_uses WHERE NOT EXISTS (SELECT 1 FROM user_tokens t WHERE t.id = token_uses.token_id)",
            args![],
        );
        Ok(store.execute(vec![gone]).await?.iter().sum())
    }

    /// Forgets those of an account, while its tokens are there.
    pub(super) fn without(user: UserId) -> Op {
        Op::new(
            "DELETE FROM token_uses WHERE token_id IN (SELECT id FROM user_tokens WHERE user_id = $1)",
            args![user.as_uuid()],
        )
    }
}
