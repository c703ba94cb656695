//! Refused registrations and polls: why, from where, how often. Bounded, to be asked for later.

use std::{collections::HashMap, net::IpAddr};

use chrono::{DateTime, Utc};
use domain::OrganizationId;
use parking_lot::Mutex;
use store::{Op, Query, Row, Store, StoreError, args};
use uuid::Uuid;

/// Different refusals kept in memory between two flushes; others are dropped until then.
const PENDING: usize = 2000;
/// Rows of the table.
const KEPT: i64 = 10_000;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedKind {
    /// An agent wanted to register.
    Registration,
    /// A device asked for something.
    Poll,
}

impl RefusedKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Poll => "poll",
        }
    }
}

/// The same refusal, as often as it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was refused.
    pub kind: String,
    /// Such as `unrecognized_secret`, `wrong_key`, `unknown_device`.
    pub reason: String,
    /// Where it is known.
    pub organization: Option<OrganizationId>,
    /// The device's id, or the MAC address at registration.
    pub subject: String,
    /// Where it came from.
    pub address: String,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first_at: DateTime<Utc>,
    /// The last time.
    pub last_at: DateTime<Utc>,
}

#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Key, Tally>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: RefusedKind,
    reason: &'static str,
    organization: Uuid,
    subject: String,
    address: IpAddr,
}

#[derive(Clone, Copy)]
struct Tally {
    times: i64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

impl Refusals {
    /// Counts a refusal. What an unknown sends is cut to 64 characters.
    pub(crate) fn note(
        &self,
        kind: RefusedKind,
        reason: &'static str,
        organization: Option<OrganizationId>,
        (subject, address): (&str, IpAddr),
        at: DateTime<Utc>,
    ) {
        let organization = organization.map_or(Uuid::nil(), OrganizationId::as_uuid);
        let subject = subject.chars().filter(|c| *c != '\0').take(64).collect();
        let key = Key { kind, reason, organization, subject, address };
        let mut pending = self.0.lock();
        if pending.len() >= PENDING && !pending.contains_key(&key) {
            return;
        }
        let tally = pending.entry(key).or_insert(Tally { times: 0, first_at: at, last_at: at });
        tally.times += 1;
        tally.last_at = at;
    }

    /// Adds what was counted to the table and keeps that bounded. What cannot be written is tried again.
    pub(crate) async fn flush(&self, store: &Store) -> Result<usize, StoreError> {
        let pending = std::mem::take(&mut *self.0.lock());
        if pending.is_empty() {
            return Ok(0);
        }
        let mut ops: Vec<Op> = pending.iter().map(|(key, tally)| add(key, tally)).collect();
        ops.push(Op::new(
            "DELETE FROM refusals WHERE (kind, reason, organization_id, subject, address) IN (
                 SELECT kind, reason, organization_id, subject, address FROM refusals
                 ORDER BY last_at DESC, kind, reason, organization_id, subject, address LIMIT $1 OFFSET $2)",
            args![i64::from(u32::MAX), KEPT],
        ));
        match store.execute(ops).await {
            Ok(_) => Ok(pending.len()),
            Err(error) => {
                self.take_back(pending);
                Err(error)
            }
        }
    }

    /// Counts again what could not be written, beside what was counted meanwhile.
    fn take_back(&self, unwritten: HashMap<Key, Tally>) {
        let mut pending = self.0.lock();
        for (key, tally) in unwritten {
            if pending.len() >= PENDING && !pending.contains_key(&key) {
                continue;
            }
            let merged = pending.entry(key).or_insert(Tally { times: 0, ..tally });
            merged.times += tally.times;
            merged.first_at = merged.first_at.min(tally.first_at);
            merged.last_at = merged.last_at.max(tally.last_at);
        }
    }
}

fn add(key: &Key, tally: &Tally) -> Op {
    Op::new(
        "INSERT INTO refusals (kind, reason, organization_id, subject, address, count, first_at, last_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (kind, reason, organization_id, subject, address)
         DO UPDATE SET count = refusals.count + excluded.count, last_at = excluded.last_at",
        args![
            key.kind.as_str(),
            key.reason,
            key.organization,
            &key.subject,
            key.address.to_string(),
            tally.times,
            tally.first_at,
            tally.last_at
        ],
    )
}

/// The newest refusals of some organizations, or of all; unknown ones only with all. Perhaps only about one subject.
pub(crate) async fn list(
    store: &Store,
    organizations: Option<&[OrganizationId]>,
    subject: Option<&str>,
    limit: u32,
) -> Result<Vec<Refused>, StoreError> {
    let columns =
        "kind, reason, organization_id, subject, address, count, first_at, last_at FROM refusals";
    let (filter, mut args) = match organizations {
        None => (" WHERE 1 = 1".to_owned(), Vec::new()),
        Some([]) => return Ok(Vec::new()),
        Some(ids) => {
            let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
            let args = ids.iter().map(|id| id.as_uuid().into()).collect();
            (format!(" WHERE organization_id IN ({})", places.join(", ")), args)
        }
    };
    let mut about = String::new();
    if let Some(subject) = subject {
        args.push(subject.into());
        about = format!(" AND subject = ${}", args.len());
    }
    args.push(i64::from(limit.min(1000)).into());
    let sql =
        format!("SELECT {columns}{filter}{about} ORDER BY last_at DESC LIMIT ${}", args.len());
    store.fetch(Query::new(sql, args)).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Refused, StoreError> {
    let organization = row.uuid(2)?;
    Ok(Refused {
        kind: row.text(0)?,
        reason: row.text(1)?,
        organization: (!organization.is_nil()).then(|| OrganizationId::from_uuid(organization)),
        subject: row.text(3)?,
        address: row.text(4)?,
        count: row.int(5)?.unsigned_abs(),
        first_at: row.time(6)?,
        last_at: row.time(7)?,
    })
}
