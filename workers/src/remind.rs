use std::time::Duration;

use app::{App, Failure};
use async_trait::async_trait;

use crate::{Reconciler, Report, Rhythm};

/// Orders a mail to everybody whose password expires soon, one for each password.
pub struct RemindOfPasswords(App);

impl RemindOfPasswords {
    /// Over this system.
    pub fn new(app: App) -> Self {
        Self(app)
    }
}

#[async_trait]
impl Reconciler for RemindOfPasswords {
    fn name(&self) -> &'static str {
        "remind_of_passwords"
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { every: Duration::from_hours(1), on_events: false }
    }

    async fn reconcile(&self) -> Result<Report, Failure> {
        // What was ordered before is not ordered again, so nothing is left.
        Ok(Report { found: 0, closed: self.0.mails().remind().await? })
    }
}
