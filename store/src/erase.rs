//! Taking away what the log and the caches hold of a person (`event-store.md` §11).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    Arg, Keyring, Op, Query, Sql, Store, StoreError, Subject, args,
    verify::{ERASED, ERASURES, SCAVENGED},
};

/// What an append does beside the event of an erasure, the last of the person's stream: the key is destroyed; the stream's
/// payloads, its snapshot, and what the person asked for as `actor` are taken away. The chain still proves the rest. Kinds of
/// streams that are not among [`ERASURES`](crate::ERASURES) cannot be erased: their chains would not verify any more.
pub fn erasure(
    person: Uuid,
    (kind, stream): (&str, &str),
    actor: &str,
    at: DateTime<Utc>,
) -> Vec<Op> {
    let says_so = ERASURES.iter().find(|(of, _)| *of == kind).map_or("", |(_, says_so)| says_so);
    vec![
        Keyring::destroy_op(Subject::Person(person), at),
        without_payload(
            ERASED,
            "aggregate_type = $2 AND aggregate_id = $3 AND event_type <> $4",
            args![kind, stream, says_so],
        ),
        Op::new(
            "DELETE FROM aggregate_snapshots WHERE aggregate_type = $1 AND aggregate_id = $2",
            args![kind, stream],
        ),
        Op::new("DELETE FROM command_log WHERE actor = $1", args![actor]),
    ]
}

/// Takes away the payloads of streams of a kind, as far as they are kept for a while only. `streams` is a question for their
/// ids, texts, whose arguments are numbered from `$2`. The chain still proves the rest.
pub fn scavenge(kind: &'static str, streams: &str, args: Vec<Arg>) -> Op {
    let condition =
        format!("retention > 0 AND aggregate_type = '{kind}' AND aggregate_id IN ({streams})");
    without_payload(SCAVENGED, &condition, args)
}

pub(crate) fn without_payload(instead: &str, condition: &str, args: Vec<Arg>) -> Op {
    let set = |payload: &str| format!("UPDATE events SET payload = {payload} WHERE {condition}");
    let sql = Sql::Each { sqlite: set("$1").into(), postgres: set("CAST($1 AS json)").into() };
    Op { sql, args: std::iter::once(instead.into()).chain(args).collect() }
}

impl Store {
    /// Persons whose keys were destroyed.
    pub async fn erased_persons(&self) -> Result<Vec<Uuid>, StoreError> {
        let query = Query::new(
            "SELECT subject_id FROM subject_keys WHERE destroyed_at IS NOT NULL AND kind = 'person' ORDER BY subject_id",
            args![],
        );
        self.fetch(query).await?.iter().map(|row| row.uuid(0)).collect()
    }
}
