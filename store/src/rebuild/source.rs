//! What is rebuilt from events.

use std::sync::Arc;

use crate::{Claim, ClaimChange, Fault, Interpreter, Mode, Op, Projection, Recorded, args};

/// The name of the claims among the projections.
pub(crate) const CLAIMS: &str = "claims";
/// Without the count: that is how claims and their counts are compared, too.
pub(crate) const COUNTS: &str = "INSERT INTO claim_counts (kind, counts_for, count)
    SELECT kind, counts_for, count(*) FROM claims WHERE counts_for IS NOT NULL GROUP BY kind, counts_for";

/// Tables that follow from events alone.
#[derive(Clone)]
pub(crate) enum Source {
    Projection(Arc<dyn Projection>),
    Claims(Arc<dyn Interpreter>),
}

impl Source {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Projection(projection) => projection.name(),
            Self::Claims(_) => CLAIMS,
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        match self {
            Self::Projection(projection) => projection.mode(),
            Self::Claims(_) => Mode::Inline,
        }
    }

    pub(crate) fn tables(&self) -> &'static [&'static str] {
        match self {
            Self::Projection(projection) => projection.tables(),
            Self::Claims(_) => &["claims", "claim_counts"],
        }
    }

    /// Does it look at events of this type?
    pub(crate) fn wants(&self, event_type: &str) -> bool {
        match self {
            Self::Projection(projection) => projection.wants(event_type),
            Self::Claims(interpreter) => interpreter.may_claim(event_type),
        }
    }

    /// May a file keep how far a rebuild is? See [`Projection::is_impersonal`].
    pub(super) fn is_impersonal(&self) -> bool {
        match self {
            Self::Projection(projection) => projection.is_impersonal(),
            Self::Claims(_) => false,
        }
    }

    /// What an event does to the tables.
    pub(crate) fn ops(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        match self {
            _ if !self.wants(&event.event_type) => Ok(Vec::new()),
            Self::Projection(projection) => projection.apply(event),
            Self::Claims(interpreter) => {
                let changes = interpreter.claims(event)?;
                Ok(changes.into_iter().map(|change| claim_op(event, change)).collect())
            }
        }
    }

    /// What is left to do after the last event.
    pub(crate) fn finish(&self) -> Vec<Op> {
        match self {
            Self::Projection(_) => Vec::new(),
            Self::Claims(_) => vec![Op::new(COUNTS, args![])],
        }
    }
}

/// A value that another stream holds stays with it, as in the log's own table: only foreign events ask for that.
fn claim_op(event: &Recorded, change: ClaimChange) -> Op {
    let (holder_type, holder) = (&event.aggregate_type, &event.aggregate_id);
    match change {
        ClaimChange::Take(Claim { kind, scope, value, counts_for }) => Op::new(
            "INSERT INTO claims (kind, scope, value, aggregate_type, aggregate_id, counts_for, position) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (kind, scope, value) DO UPDATE SET counts_for = excluded.counts_for, position = excluded.position
             WHERE claims.aggregate_type = excluded.aggregate_type AND claims.aggregate_id = excluded.aggregate_id",
            args![
                kind,
                scope.unwrap_or_default(),
                value,
                holder_type,
                holder,
                counts_for,
                event.position
            ],
        ),
        ClaimChange::Release(Claim { kind, scope, value, .. }) => Op::new(
            "DELETE FROM claims WHERE kind = $1 AND scope = $2 AND value = $3 AND aggregate_type = $4 AND aggregate_id = $5",
            args![kind, scope.unwrap_or_default(), value, holder_type, holder],
        ),
        ClaimChange::ReleaseAll => Op::new(
            "DELETE FROM claims WHERE aggregate_type = $1 AND aggregate_id = $2",
            args![holder_type, holder],
        ),
    }
}
