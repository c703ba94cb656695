//! Requests that name an idempotency key: each is carried out once, and a repetition hears what the first one heard.
//!
//! For edges whose use cases are not told apart by the log itself, as those of [`By::once`] are: one request may be several of
//! them. A request is noted before it is carried out and its answer afterwards. Where a process died between the two, the log
//! says whether anything happened.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Actor, Authority, UserId, authority::Scope};
use parking_lot::Mutex;
use projections::SealedText;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use store::{Op, Query, Row, args};

use crate::{App, By, Failure, sealing::Place};

/// Keys are remembered for so long.
const KEPT: TimeDelta = TimeDelta::hours(24);
/// No request takes longer: whoever has not answered by then never will.
const LONGEST: TimeDelta = TimeDelta::seconds(30);
/// Stands for an answer that was taken away: it may have told of somebody who was erased.
const TAKEN_AWAY: &str = "";
/// Keys that an account may use within [`KEPT`].
const MOST: i64 = 10_000;

/// Use cases of repeated requests; see [`App::requests`].
pub struct Requests<'a>(pub(crate) &'a App);

/// Requests that are being carried out here.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<BTreeSet<String>>);

/// What an edge answered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenAnswer {
    /// The status code.
    pub status: u16,
    /// Headers that belong to it, by their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, text.
    pub body: String,
}

/// Answers hold secrets.
impl std::fmt::Debug for GivenAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GivenAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A request that is to be carried out, and only by whoever holds this.
pub struct Turn {
    id: String,
    user: UserId,
    grants: BTreeSet<String>,
    app: App,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Turn").field(&self.id).finish()
    }
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Begun {
    /// Carry it out, then [`answer`](Requests::answer) or [`give_up`](Requests::give_up).
    Now(Turn),
    /// It was carried out: this was the answer.
    Before(GivenAnswer),
    /// The first one is being carried out at this moment.
    Running,
    /// The first one had an effect, and its answer was lost.
    Lost,
    /// The key stands for a different request.
    Different,
    /// The account may do less than when it was answered.
    Narrower,
    /// The account uses too many keys.
    TooMany,
}

/// An answer, and who may hear it.
#[derive(Serialize, Deserialize)]
struct Kept {
    answer: GivenAnswer,
    /// What the account was allowed.
    grants: BTreeSet<String>,
}

struct Noted {
    request: String,
    head: i64,
    correlation_id: Option<uuid::Uuid>,
    answer: Option<SealedText>,
    taken_away: bool,
    started_at: DateTime<Utc>,
}

impl Requests<'_> {
    /// Asked before a request is carried out. `place` tells requests with the same key apart, such as method and path;
    /// `asked` is everything else that is asked, which must be the same again.
    pub async fn begin(
        &self,
        by: &By,
        place: &str,
        key: &str,
        asked: &[u8],
    ) -> Result<Begun, Failure> {
        let Actor::User(user) = by.authority.actor else { return Err(Failure::Forbidden) };
        let sealing = self.0.sealing();
        let id = sealing.request(format!("{user}\n{place}\n{key}").as_bytes());
        let request = sealing.request(asked);
        let grants = grants(&by.authority);
        let turn = Turn { id: id.clone(), user, grants, app: self.0.clone() };
        if self.used(user).await? >= MOST && self.noted(&id).await?.is_none() {
            return Ok(Begun::TooMany);
        }
        if self.note(by, &turn, &request).await? {
            return Ok(Begun::Now(turn));
        }
        let Some(noted) = self.noted(&id).await? else {
            // Given up a moment ago.
            return Ok(Begun::Running);
        };
        let now = self.0.world().now();
        if noted.started_at + KEPT < now {
            let taken = self.take_over(by, &turn, &request, noted.started_at).await?;
            return Ok(if taken { Begun::Now(turn) } else { Begun::Running });
        }
        if noted.request != request {
            return Ok(Begun::Different);
        }
        if noted.taken_away {
            let running = self.0.running().0.lock().contains(&id);
            return Ok(if running { Begun::Running } else { Begun::Lost });
        }
        if let Some(answer) = &noted.answer {
            let kept = sealing.open(Place::Answer(user), answer).await?;
            let kept: Kept = serde_json::from_str(kept.expose_secret())
                .map_err(|error| Failure::Broken(Box::new(error)))?;
            return Ok(if kept.grants.is_subset(&turn.grants) {
                Begun::Before(kept.answer)
            } else {
                Begun::Narrower
            });
        }
        if self.0.running().0.lock().contains(&id) || noted.started_at + LONGEST > now {
            return Ok(Begun::Running);
        }
        if self.happened(&noted).await? {
            return Ok(Begun::Lost);
        }
        let taken = self.take_over(by, &turn, &request, noted.started_at).await?;
        Ok(if taken { Begun::Now(turn) } else { Begun::Running })
    }

    /// Keeps the answer of a request that was carried out; not where somebody was erased meanwhile, of whom it may tell.
    pub async fn answer(&self, turn: Turn, answer: GivenAnswer) -> Result<(), Failure> {
        let kept = Kept { answer, grants: turn.grants.clone() };
        let text =
            serde_json::to_string(&kept).map_err(|error| Failure::Broken(Box::new(error)))?;
        let sealed = self.0.sealing().seal(Place::Answer(turn.user), &text).await?;
        let op = Op::new(
            "UPDATE idempotent_requests SET answer = $2 WHERE id = $1 AND answer IS NULL",
            args![turn.id.as_str(), sealed.envelope.to_string()],
        );
        self.0.store().execute(vec![op]).await?;
        Ok(())
    }

    /// The request was refused: nothing happened, and it may be sent anew in any form.
    pub async fn give_up(&self, turn: Turn) -> Result<(), Failure> {
        let forget =
            "DELETE FROM idempotent_requests WHERE id = $1 AND (answer IS NULL OR answer = $2)";
        self.0.store().execute(vec![Op::new(forget, args![turn.id.as_str(), TAKEN_AWAY])]).await?;
        Ok(())
    }

    /// Forgets keys that are older than a day, and says how many.
    pub async fn prune(&self) -> Result<u64, Failure> {
        let oldest = self.0.world().now() - KEPT;
        let op = Op::new("DELETE FROM idempotent_requests WHERE started_at < $1", args![oldest]);
        Ok(self.0.store().execute(vec![op]).await?.first().copied().unwrap_or(0))
    }

    /// Takes away what an account asked, and the answers to all others, also of those who are being answered: any may hold what
    /// it was called, and nobody can tell, because whoever changes nothing leaves no event. Whoever repeats such a request
    /// hears that the answer is lost; it is not done again.
    pub(crate) fn without(user: UserId, now: DateTime<Utc>) -> [Op; 2] {
        [
            Op::new(
                "DELETE FROM idempotent_requests WHERE actor = $1",
                args![Actor::User(user).to_string()],
            ),
            Op::new(
                "UPDATE idempotent_requests SET answer = $1 WHERE answer IS NOT NULL OR started_at > $2",
                args![TAKEN_AWAY, now - LONGEST],
            ),
        ]
    }

    /// Was there none under this id? Then there is now.
    async fn note(&self, by: &By, turn: &Turn, request: &str) -> Result<bool, Failure> {
        let (store, now) = (self.0.store(), self.0.world().now());
        let noted = store
            .returning(Op::new(
                "INSERT INTO idempotent_requests (id, actor, request, head, correlation_id, started_at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id",
                args![
                    turn.id.as_str(),
                    by.authority.actor.to_string(),
                    request,
                    store.head(),
                    by.correlation_id,
                    now
                ],
            ))
            .await?;
        Ok(self.started(turn, !noted.is_empty()))
    }

    /// Makes a request that nobody carries out any more this one's.
    async fn take_over(
        &self,
        by: &By,
        turn: &Turn,
        request: &str,
        started_at: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let (store, now) = (self.0.store(), self.0.world().now());
        let taken = store
            .returning(Op::new(
                "UPDATE idempotent_requests
                 SET request = $2, head = $3, correlation_id = $4, started_at = $5, answer = NULL
                 WHERE id = $1 AND started_at = $6 RETURNING id",
                args![turn.id.as_str(), request, store.head(), by.correlation_id, now, started_at],
            ))
            .await?;
        Ok(self.started(turn, !taken.is_empty()))
    }

    fn started(&self, turn: &Turn, started: bool) -> bool {
        if started {
            self.0.running().0.lock().insert(turn.id.clone());
        }
        started
    }

    async fn noted(&self, id: &str) -> Result<Option<Noted>, Failure> {
        let query = Query::new(
            "SELECT request, head, correlation_id, answer, started_at FROM idempotent_requests WHERE id = $1",
            args![id],
        );
        let read = |row: &Row| {
            let answer = row.text_or_null(3)?;
            Ok::<_, store::StoreError>(Noted {
                request: row.text(0)?,
                head: row.int(1)?,
                correlation_id: row.uuid_or_null(2)?,
                taken_away: answer.as_deref() == Some(TAKEN_AWAY),
                answer: answer.map(SealedText::new),
                started_at: row.time(4)?,
            })
        };
        Ok(self.0.store().fetch(query).await?.first().map(read).transpose()?)
    }

    async fn used(&self, user: UserId) -> Result<i64, Failure> {
        let query = Query::new(
            "SELECT count(*) FROM idempotent_requests WHERE actor = $1 AND started_at > $2",
            args![Actor::User(user).to_string(), self.0.world().now() - KEPT],
        );
        Ok(self.0.store().fetch(query).await?.first().map_or(Ok(0), |row| row.int(0))?)
    }

    /// Has the request that nobody answered had an effect?
    async fn happened(&self, noted: &Noted) -> Result<bool, Failure> {
        // Who cannot be found in the log may have done anything.
        let Some(id) = noted.correlation_id else { return Ok(true) };
        let query = Query::new(
            "SELECT 1 FROM events WHERE position > $1 AND correlation_id = $2 LIMIT 1",
            args![noted.head, id],
        );
        Ok(!self.0.store().fetch(query).await?.is_empty())
    }
}

/// Whatever becomes of it, this process does not carry it out any more.
impl Drop for Turn {
    fn drop(&mut self) {
        self.app.running().0.lock().remove(&self.id);
    }
}

/// What an authority allows, one line each: more lines are more.
fn grants(authority: &Authority) -> BTreeSet<String> {
    match &authority.scope {
        Scope::Member { permissions, manages, owns, belongs } => {
            let may = permissions.iter().map(|permission| format!("may {permission}"));
            let places = [("manages", manages), ("owns", owns), ("belongs", belongs)];
            let places = places
                .into_iter()
                .flat_map(|(how, ids)| ids.iter().map(move |id| format!("{how} {id}")));
            may.chain(places).collect()
        }
        other => BTreeSet::from([format!("{other:?}")]),
    }
}
