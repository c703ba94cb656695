//! Tries to log in as they are read.

use chrono::{DateTime, Utc};
use domain::{
    LogInId, UserId,
    accounts::{LogInMethod, LogInOutcome},
    authority::ReadScope,
};
use store::{Arg, Op, Query, Row, Store, StoreError, args, scavenge};

use super::groups::number;
use crate::{
    SealedText, Stretch, Stretched,
    conditions::{Conditions, SortKind, Sorting},
};

/// A try to log in.
#[derive(Clone, Debug, PartialEq)]
pub struct LogInRow {
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
    /// Where it came from; sealed for the person, or for the installation. None on the machine itself.
    pub address: Option<SealedText>,
    /// How many it stands for.
    pub times: u32,
}

const COLUMNS: &str = "id, at, user_id, outcome, method, address, times";
const WIDTH: usize = 7;

fn read(row: &Row) -> Result<LogInRow, StoreError> {
    let (outcome, method) = (row.text(3)?, row.text(4)?);
    let outcome = LogInOutcome::ALL.into_iter().find(|known| known.as_str() == outcome);
    let method = LogInMethod::ALL.into_iter().find(|known| known.as_str() == method);
    Ok(LogInRow {
        id: LogInId::from_uuid(row.uuid(0)?),
        at: row.time(1)?,
        user_id: row.uuid_or_null(2)?.map(UserId::from_uuid),
        outcome: outcome.ok_or_else(|| StoreError::column(3, "an outcome"))?,
        method: method.ok_or_else(|| StoreError::column(4, "a method"))?,
        address: row.text_or_null(5)?.map(SealedText::new),
        times: number(row.int(6)?),
    })
}

/// Which tries are listed; `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct LogInFilter {
    /// Only of accounts that exist, and of no superusers.
    pub people: bool,
    /// Only of this account.
    pub user: Option<UserId>,
    /// Only those that ended so.
    pub outcome: Option<LogInOutcome>,
    /// Only at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Only before this.
    pub until: Option<DateTime<Utc>>,
}

impl LogInFilter {
    fn conditions(&self, scope: &ReadScope) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(user) = self.user {
            conditions.with("user_id = ?", user.as_uuid());
        }
        if self.people {
            conditions.plain(
                "EXISTS (SELECT 1 FROM users u WHERE u.id = log_ins.user_id AND NOT u.superuser)",
            );
        }
        if let Some(organizations) = scope.organizations() {
            conditions.any_of_inside(
                "EXISTS (SELECT 1 FROM user_memberships m WHERE m.user_id = log_ins.user_id AND m.organization_id",
                organizations.iter().map(|id| id.as_uuid()),
            );
        }
        if let Some(outcome) = self.outcome {
            conditions.with("outcome = ?", outcome.as_str());
        }
        if let Some(since) = self.since {
            conditions.with("at >= ?", since);
        }
        if let Some(until) = self.until {
            conditions.with("at < ?", until);
        }
        conditions
    }
}

/// A stretch of the tries, the newest first.
pub async fn log_ins(
    store: &Store,
    scope: &ReadScope,
    filter: &LogInFilter,
    stretch: Stretch,
) -> Result<Stretched<LogInRow>, StoreError> {
    let newest_first = Sorting { by: "at", kind: SortKind::Time, descending: true };
    let from = (COLUMNS, WIDTH, "log_ins");
    filter.conditions(scope).stretch(store, from, newest_first, stretch, read).await
}

/// How many tries there are of an account, and of these names (fingerprints) while they were nobody's.
pub async fn log_ins_left(
    store: &Store,
    user: UserId,
    names: &[String],
) -> Result<u64, StoreError> {
    let mut left = 0;
    for (condition, arg) in about(user, names) {
        let text = format!("SELECT count(*) FROM log_ins WHERE {condition}").replace('#', "$1");
        let rows = store.fetch(Query::new(text, vec![arg])).await?;
        left += rows.first().map_or(Ok(0), |row| row.int(0))?.unsigned_abs();
    }
    Ok(left)
}

/// Takes away what was tried with an account, and with these names (fingerprints) while they were nobody's, in the log and
/// here: rows are there as long as their facts are.
pub fn without_log_ins(user: UserId, names: &[String]) -> Vec<Op> {
    let ops = about(user, names).flat_map(|(condition, arg)| {
        let ids = format!("SELECT CAST(id AS text) FROM log_ins WHERE {condition}");
        let rows = format!("DELETE FROM log_ins WHERE {condition}").replace('#', "$1");
        [scavenge("log_in", &ids.replace('#', "$2"), vec![arg.clone()]), Op::new(rows, vec![arg])]
    });
    ops.collect()
}

/// Takes away what was tried up to a moment, as its facts are taken away in the log. Whoever did not log in since then has no
/// last log-in.
pub fn without_log_ins_until(moment: DateTime<Utc>) -> Vec<Op> {
    vec![
        Op::new("DELETE FROM log_ins WHERE at <= $1", args![moment]),
        Op::new("UPDATE users SET last_log_in_at = NULL WHERE last_log_in_at <= $1", args![moment]),
    ]
}

/// Conditions, each with its argument in the place of `#`.
fn about(user: UserId, names: &[String]) -> impl Iterator<Item = (&'static str, Arg)> {
    let names = names.iter().map(|name| ("login = # AND user_id IS NULL", Arg::from(name)));
    std::iter::once(("user_id = #", Arg::from(user.as_uuid()))).chain(names)
}

/// Tries that failed since a moment, as many as matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many, of those that were asked for.
    pub count: u32,
    /// The oldest of them.
    pub oldest: Option<DateTime<Utc>>,
}

/// The newest failures, so many of each at most: of a login from a network since a moment, of the login from anywhere since
/// then, and from the network whoever it was about since another moment.
pub async fn failures(
    store: &Store,
    login: (&str, DateTime<Utc>),
    network: (Option<&str>, DateTime<Utc>),
    most: [u32; 3],
) -> Result<[Failures; 3], StoreError> {
    let (login, login_since) = login;
    let (network, network_since) = network;
    let counted = |conditions: &str, most: u32| {
        format!(
            "SELECT count(*), min(at) FROM (SELECT at FROM log_ins WHERE {conditions}
                AND outcome IN ('wrong_password', 'unknown_account', 'inactive') ORDER BY at DESC LIMIT {most}) AS newest"
        )
    };
    let network = network.unwrap_or_default();
    let queries = vec![
        Query::new(
            counted("login = $1 AND network = $2 AND at > $3", most[0]),
            args![login, network, login_since],
        ),
        Query::new(counted("login = $1 AND at > $2", most[1]), args![login, login_since]),
        Query::new(counted("network = $1 AND at > $2", most[2]), args![network, network_since]),
    ];
    let mut results = store.snapshot(queries).await?.results.into_iter();
    let mut next = || {
        let row = results.next().and_then(|rows| rows.into_iter().next());
        row.map_or(Ok(Failures::default()), |row| {
            Ok::<_, StoreError>(Failures {
                count: number(row.int(0)?),
                oldest: row.time_or_null(1)?,
            })
        })
    };
    Ok([next()?, next()?, next()?])
}

/// Did the login succeed from this network since a moment? Whoever was there before is not made to wait for what others do.
pub async fn was_here(
    store: &Store,
    login: &str,
    network: Option<&str>,
    since: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let query = Query::new(
        "SELECT 1 FROM log_ins WHERE login = $1 AND network = $2 AND at > $3 AND outcome = 'succeeded' LIMIT 1",
        args![login, network.unwrap_or_default(), since],
    );
    Ok(!store.fetch(query).await?.is_empty())
}
