//! Statements as values: what projections return and what readers ask.

use std::borrow::Cow;

use crate::Arg;

/// A statement's text, once where both databases understand it, else side by side.
/// Placeholders are `$1` … `$n` on both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sql {
    /// The subset that both databases run.
    Both(Cow<'static, str>),
    /// Where the dialects differ.
    Each {
        /// For SQLite.
        sqlite: Cow<'static, str>,
        /// For PostgreSQL.
        postgres: Cow<'static, str>,
    },
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::Both(Cow::Borrowed(text))
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Self {
        Self::Both(Cow::Owned(text))
    }
}

/// A writing statement with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// The text.
    pub sql: Sql,
    /// One per placeholder.
    pub args: Vec<Arg>,
}

impl Op {
    /// `Op::new("DELETE FROM devices WHERE id = $1", args![id])`
    pub fn new(sql: impl Into<Sql>, args: Vec<Arg>) -> Self {
        Self { sql: sql.into(), args }
    }
}

/// A reading statement with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The text.
    pub sql: Sql,
    /// One per placeholder.
    pub args: Vec<Arg>,
    /// Does it see more than the request reaches? See [`Query::whole`].
    pub whole: bool,
}

impl Query {
    /// `Query::new("SELECT name FROM devices WHERE id = $1", args![id])`
    pub fn new(sql: impl Into<Sql>, args: Vec<Arg>) -> Self {
        Self { sql: sql.into(), args, whole: false }
    }

    /// Asked for the sake of a rule and no answer to anybody: sees all rows, whoever's request it is ([`crate::reach`]).
    #[must_use]
    pub fn whole(self) -> Self {
        self.whole_if(true)
    }

    /// The same where that is so.
    #[must_use]
    pub fn whole_if(self, whole: bool) -> Self {
        Self { whole, ..self }
    }
}
