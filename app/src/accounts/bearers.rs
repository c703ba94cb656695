//! Accounts by their tokens, as they were read lately: most requests come with a token that came a moment ago.
//!
//! What happens to accounts, permission groups and organizations takes them out; a use case waits until this node has heard
//! of what it did. Whatever else goes wrong, nothing is believed for longer than five seconds.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use projections::accounts::Bearer;
use store::Recorded;
use tokio::time::Instant;
use uuid::Uuid;

/// Tokens at a time.
const MOST: usize = 10_000;
/// How long one is believed.
const FRESH: Duration = Duration::from_secs(5);

/// By the keyed hash of the token.
#[derive(Default)]
pub(crate) struct Bearers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// How often something was taken out: what was read before that is not put in.
    generation: u64,
    by_token: HashMap<String, (Instant, Arc<Bearer>)>,
}

impl Bearers {
    /// What is known; else the number to give back with what is read now.
    pub(super) fn get(&self, token: &str) -> Result<Arc<Bearer>, u64> {
        let kept = self.0.lock();
        match kept.by_token.get(token) {
            Some((at, bearer)) if at.elapsed() < FRESH => Ok(Arc::clone(bearer)),
            _ => Err(kept.generation),
        }
    }

    pub(super) fn keep(&self, token: String, bearer: Arc<Bearer>, generation: u64) {
        let mut kept = self.0.lock();
        if kept.generation != generation {
            return;
        }
        if kept.by_token.len() >= MOST {
            kept.by_token.retain(|_, (at, _)| at.elapsed() < FRESH);
            if kept.by_token.len() >= MOST {
                kept.by_token.clear();
            }
        }
        kept.by_token.insert(token, (Instant::now(), bearer));
    }

    /// Takes out what an event may have changed.
    pub(crate) fn heard(&self, event: &Recorded) {
        let kind = event.aggregate_type.as_str();
        // Another token of an account changes nothing about those that are known.
        if event.event_type == "user.token_issued" || event.event_type == "user.named_token_issued"
        {
            return;
        }
        if !["user", "permission_group", "organization"].contains(&kind) {
            return;
        }
        let mut kept = self.0.lock();
        kept.generation += 1;
        match event.aggregate_id.parse::<Uuid>() {
            Ok(user) if kind == "user" => {
                kept.by_token.retain(|_, (_, bearer)| bearer.user.id.as_uuid() != user);
            }
            _ => kept.by_token.clear(),
        }
    }
}
