//! Passwords that a person had.
//!
//! Which they were stands in the events of the account, as hashes that are sealed for the person, and goes away with them.

use std::collections::VecDeque;

use cqrs_es::Aggregate as _;
use domain::{
    Event, Sealed, UserId,
    accounts::{User, UserEvent},
};
use projections::SealedText;
use store::StreamCursor;

use super::{
    Accounts,
    password::{self, Verified},
};
use crate::{Failure, sealing::Place};

/// Most former passwords that are looked at: each takes as long as a log-in.
const MOST: usize = 24;
/// Events that say which password is valid.
const TYPES: &[&str] = &["user.created", "user.password_changed", "user.password_rehashed"];

impl Accounts<'_> {
    /// Is it one of the passwords that the account had before the present one, as many as the settings say?
    pub(super) async fn was_theirs(&self, id: UserId, given: &str) -> Result<bool, Failure> {
        let wanted = self.0.settings().accounts.password_history;
        let most = usize::try_from(wanted).unwrap_or(MOST).min(MOST);
        if most == 0 {
            return Ok(false);
        }
        for sealed in self.former(id, most).await? {
            let sealed = SealedText::new(sealed.envelope.to_string());
            let hash = self.0.sealing().open(Place::Password(id), &sealed).await?;
            if password::verify(self.0, given, Some(hash)).await? != Verified::No {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The newest hash of each of the last passwords before the present one, the newest first.
    async fn former(&self, id: UserId, most: usize) -> Result<VecDeque<Sealed>, Failure> {
        let mut held: VecDeque<Sealed> = VecDeque::new();
        let mut cursor = StreamCursor {
            aggregate_type: User::TYPE,
            aggregate_id: id.to_string(),
            after_sequence: 0,
            event_types: TYPES,
        };
        loop {
            let pages =
                self.0.store().stream_pages(std::slice::from_ref(&cursor), i64::MAX).await?;
            let Some(page) = pages.into_iter().next() else { break };
            for recorded in &page.events {
                let event = projections::decode(recorded)
                    .map_err(|fault| Failure::Broken(fault.0.into()))?;
                let Event::User(event) = &*event else { continue };
                match event {
                    UserEvent::Created(created) => held.extend(created.password.clone()),
                    UserEvent::PasswordChanged { password, .. } => held.push_back(password.clone()),
                    UserEvent::PasswordRehashed { password, .. } => {
                        held.pop_back();
                        held.push_back(password.clone());
                    }
                    _ => {}
                }
                // The present one is among them.
                if held.len() > most + 1 {
                    held.pop_front();
                }
            }
            match page.events.last() {
                Some(last) if page.more => cursor.after_sequence = last.sequence,
                _ => break,
            }
        }
        held.pop_back();
        held.make_contiguous().reverse();
        Ok(held)
    }
}
