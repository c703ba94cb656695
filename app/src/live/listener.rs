//! Who listens, and whether that still holds.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use store::StoreError;
use tokio::time::Instant;

use crate::{App, By, Failure, Refusal};

/// How old the knowledge of an account may be while the log moves on.
const FRESH: Duration = Duration::from_secs(2);

/// Why somebody has to stop listening.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The token or the account is not valid any more.
    #[error("the token is not valid any more: log in again")]
    Token,
    /// The account may see more or less than when it began.
    #[error("what you may see has changed: subscribe again")]
    Rights,
    /// The server stops, or cannot read.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Somebody with a token who listens. A clone is the same one.
#[derive(Clone)]
pub struct Listener(Arc<Inner>);

struct Inner {
    app: App,
    token: SecretString,
    by: By,
    known: Mutex<Known>,
}

/// Since when nothing about the account can be new.
#[derive(Clone, Copy)]
struct Known {
    /// Of the log when the account was read: accounts change by events alone.
    head: i64,
    at: Instant,
    /// Token, account or password end by themselves then.
    until: Option<Instant>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener").field(&self.0.by.authority.actor).finish()
    }
}

impl Listener {
    pub(super) fn new(
        app: App,
        token: SecretString,
        by: By,
        head: i64,
        until: Option<DateTime<Utc>>,
    ) -> Self {
        let until = until.map(|until| instant(&app, until));
        let known = Mutex::new(Known { head, at: Instant::now(), until });
        Self(Arc::new(Inner { app, token, by, known }))
    }

    /// Who it is and how far that reaches; it stays the same for as long as the listener may listen.
    pub fn by(&self) -> &By {
        &self.0.by
    }

    /// The task that calls this is the listener's from here on: what it asks for reaches no further.
    pub fn hold(&self) {
        crate::accounts::hold(&self.0.app, &self.0.by.authority);
    }

    pub(super) fn app(&self) -> &App {
        &self.0.app
    }

    /// Resolves when the listener has to stop: within a few seconds after its token, its account or its rights changed.
    pub async fn ended(&self) -> Ended {
        let mut head = self.0.app.store().watch();
        loop {
            let known = *self.0.known.lock();
            let moved = async {
                tokio::time::sleep_until(known.at + FRESH).await;
                head.wait_for(|head| *head > known.head).await.is_ok()
            };
            let over = async {
                match known.until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            // The store that this holds keeps the sender.
            tokio::select! {
                _ = moved => {}
                () = over => {}
            }
            if let Err(ended) = self.check_now().await {
                return ended;
            }
        }
    }

    /// Reads the account again if something may have changed and it was not read just now.
    pub(super) async fn check(&self) -> Result<(), Ended> {
        let known = *self.0.known.lock();
        let over = known.until.is_some_and(|until| until <= Instant::now());
        let moved = self.0.app.store().head() > known.head;
        if !over && (!moved || known.at.elapsed() < FRESH) {
            return Ok(());
        }
        self.check_now().await
    }

    /// Reads the account again, as every request does: what it asks for now counts with what it may do now.
    pub async fn check_now(&self) -> Result<(), Ended> {
        let head = self.0.app.store().head();
        let known = self.0.app.accounts().known_now(self.0.token.expose_secret()).await;
        let known = known.map_err(|failure| match failure {
            expired @ Failure::Refused(Refusal::PasswordExpired) => Ended::Failed(expired),
            Failure::Unauthenticated | Failure::Refused(_) => Ended::Token,
            other => Ended::Failed(other),
        })?;
        if known.authority != self.0.by.authority {
            return Err(Ended::Rights);
        }
        let until = known.until.map(|until| instant(&self.0.app, until));
        *self.0.known.lock() = Known { head, at: Instant::now(), until };
        Ok(())
    }

    /// The id of its account, if it has one.
    pub(super) fn account(&self) -> Option<String> {
        match &self.0.by.authority.actor {
            domain::Actor::User(id) => Some(id.to_string()),
            _ => None,
        }
    }
}

/// A moment of the calendar as the runtime waits for it: a second from now at the soonest.
fn instant(app: &App, moment: DateTime<Utc>) -> Instant {
    const LONGEST: Duration = Duration::from_hours(24);
    let wait = (moment - app.world().now()).to_std().unwrap_or_default();
    Instant::now() + wait.clamp(Duration::from_secs(1), LONGEST)
}
