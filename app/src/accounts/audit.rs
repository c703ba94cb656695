//! Who tried to log in, from where, and how that ended.

use std::{fmt, net::IpAddr};

use chrono::{DateTime, Utc};
use domain::{
    LogInId, Permission, UserId,
    accounts::{LogInMethod, LogInOutcome},
};
use projections::{
    Stretch, Stretched,
    accounts::{self, LogInFilter, LogInRow},
};

use super::{Accounts, account};
use crate::{By, Failure, by::RULES, sealing::Place};

/// A try to log in, with where it came from in clear. Shows only its id when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct LogInTry {
    /// The try.
    pub id: LogInId,
    /// When.
    pub at: DateTime<Utc>,
    /// Whose account, where there is one.
    pub user_id: Option<UserId>,
    /// How it ended.
    pub outcome: LogInOutcome,
    /// How they showed who they are.
    pub method: LogInMethod,
    /// Where it came from; none on the machine itself, and of people who were erased.
    pub address: Option<IpAddr>,
    /// How many it stands for.
    pub times: u32,
}

impl fmt::Debug for LogInTry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogInTry").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Which tries are wanted; `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct LogInSelection {
    /// Only of this account.
    pub user: Option<UserId>,
    /// Only those that ended so.
    pub outcome: Option<LogInOutcome>,
    /// Only at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Only before this.
    pub until: Option<DateTime<Utc>>,
}

impl Accounts<'_> {
    /// A stretch of the tries to log in, the newest first: one's own, those of people whom the actor may see, and for
    /// superusers those of accounts that nobody has. They are kept as long as `retention.facts` says.
    pub async fn log_ins(
        &self,
        by: &By,
        selection: LogInSelection,
        stretch: Stretch,
    ) -> Result<Stretched<LogInTry>, Failure> {
        let LogInSelection { mut user, outcome, since, until } = selection;
        let own = match by.authority.actor {
            domain::Actor::User(id) => Some(id),
            _ => None,
        };
        let mut filter = LogInFilter { outcome, since, until, ..LogInFilter::default() };
        if user.is_none() && by.authority.require_anywhere(Permission::ViewUser).is_err() {
            user = own;
        }
        let scope = match user {
            Some(user) if by.authority.is(user) => RULES.clone(),
            Some(user) => {
                self.person(by, user, Permission::ViewUser).await?;
                RULES.clone()
            }
            None => {
                filter.people = !by.authority.is_unlimited();
                let scope = by.authority.scope(Permission::ViewUser);
                scope.map_err(|denied| Failure::denied(denied, super::MODEL))?
            }
        };
        filter.user = user;
        let found = accounts::log_ins(self.0.store(), &scope, &filter, stretch).await?;
        let Stretched { rows, more, count, position } = found;
        let mut opened = Vec::with_capacity(rows.len());
        for (place, row) in rows {
            opened.push((place, self.opened_try(row).await?));
        }
        Ok(Stretched { rows: opened, more, count, position })
    }

    async fn opened_try(&self, row: LogInRow) -> Result<LogInTry, Failure> {
        let LogInRow { id, at, user_id, outcome, method, address, times } = row;
        let place = Place::LogInAddress(id, user_id);
        let address = account::open_some(self.0, place, address.as_ref()).await?;
        let address = address.and_then(|address| address.parse().ok());
        Ok(LogInTry { id, at, user_id, outcome, method, address, times })
    }
}
