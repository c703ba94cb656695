//! Several statements as one, with conditions.

use crate::{Arg, Op, Query, Row, StoreError, Value};

/// Turns what was read so far (one entry per [`Step::Read`]) into the next operations.
pub type Compute = Box<dyn FnOnce(&[Vec<Row>]) -> Result<Vec<Op>, StoreError> + Send>;

/// What a guard wants to see.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// That many rows.
    Rows(usize),
    /// This value in the first column of the first row.
    Value(Arg),
}

/// One step of a transaction.
pub enum Step {
    /// Ends everything without effect unless the query answers as expected. Where a row has to stay as it is
    /// until the end, PostgreSQL needs `FOR UPDATE` ([`crate::Sql::Each`]).
    Guard {
        /// What is asked.
        query: Query,
        /// What it has to answer.
        expect: Expect,
    },
    /// Writes.
    Op(Op),
    /// Reads; the rows come back in the outcome.
    Read(Query),
    /// Writes what a function makes of the rows read so far.
    Compute(Compute),
}

/// Steps that happen together or not at all.
#[derive(Default)]
pub struct Transaction {
    /// In order.
    pub steps: Vec<Step>,
    /// No append happens between its beginning and its end.
    pub under_head_lock: bool,
}

impl Transaction {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps appends out until it ends.
    #[must_use]
    pub fn under_head_lock(mut self) -> Self {
        self.under_head_lock = true;
        self
    }

    /// Adds a condition.
    #[must_use]
    pub fn guard(mut self, query: Query, expect: Expect) -> Self {
        self.steps.push(Step::Guard { query, expect });
        self
    }

    /// Adds a writing statement.
    #[must_use]
    pub fn op(mut self, op: Op) -> Self {
        self.steps.push(Step::Op(op));
        self
    }

    /// Adds writing statements.
    #[must_use]
    pub fn ops(mut self, ops: impl IntoIterator<Item = Op>) -> Self {
        self.steps.extend(ops.into_iter().map(Step::Op));
        self
    }

    /// Adds a reading statement.
    #[must_use]
    pub fn read(mut self, query: Query) -> Self {
        self.steps.push(Step::Read(query));
        self
    }

    /// Adds statements that depend on what was read.
    #[must_use]
    pub fn compute(
        mut self,
        compute: impl FnOnce(&[Vec<Row>]) -> Result<Vec<Op>, StoreError> + Send + 'static,
    ) -> Self {
        self.steps.push(Step::Compute(Box::new(compute)));
        self
    }
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactOutcome {
    /// All of it happened.
    Committed {
        /// Affected rows, one per writing statement, also of computed ones.
        affected: Vec<u64>,
        /// Rows, one entry per reading statement.
        rows: Vec<Vec<Row>>,
    },
    /// A guard saw something else: nothing happened.
    GuardFailed {
        /// Index of the step, from 0.
        step: usize,
    },
}

impl TransactOutcome {
    /// Did it happen?
    pub fn committed(&self) -> bool {
        matches!(self, Self::Committed { .. })
    }
}

impl Expect {
    /// Do the rows answer as expected?
    pub(crate) fn holds(&self, rows: &[Row]) -> bool {
        match self {
            Self::Rows(count) => rows.len() == *count,
            Self::Value(wanted) => {
                rows.first().and_then(|row| row.0.first()).is_some_and(|found| same(found, wanted))
            }
        }
    }
}

/// The databases give booleans, ids and times back in different types.
fn same(found: &Value, wanted: &Arg) -> bool {
    let row = Row(vec![found.clone()]);
    match wanted {
        Arg::Int(value) => row.int_or_null(0).ok() == Some(*value),
        Arg::Real(value) => row.real_or_null(0).ok() == Some(*value),
        Arg::Text(value) => row.text_or_null(0).ok().as_ref() == Some(value),
        Arg::Bytes(value) => row.bytes_or_null(0).ok().as_ref() == Some(value),
        Arg::Bool(value) => row.bool_or_null(0).ok() == Some(*value),
        Arg::Uuid(value) => row.uuid_or_null(0).ok() == Some(*value),
        Arg::Time(value) => row.time_or_null(0).ok() == Some(*value),
    }
}
