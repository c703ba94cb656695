//! Many writing statements in one round trip.
//!
//! sqlx waits for the answer to a statement with arguments before it sends the next one. A text of many statements is one
//! question, but takes no arguments: so every different statement is prepared by name, and executed with literals.

use std::{collections::HashMap, fmt::Write as _};

use futures::TryStreamExt as _;
use sqlx::{Either, Executor as _, PgConnection};

use super::statement::{execute, text, trouble};
use crate::{Arg, Failure, Op, error::Trouble};

/// Names that a connection keeps. Only texts with lists in them could be more: they go one by one from there.
const MOST_NAMES: usize = 256;
/// A text is sent when it has so many bytes.
const ENOUGH: usize = 1 << 20;

/// Statements that a connection has under a name.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<String, usize>,
    torn: bool,
    /// Is the question of `facts` prepared?
    pub(super) facts: bool,
}

/// Which of the statements failed, and how.
pub(super) struct Stuck {
    pub(super) at: usize,
    pub(super) trouble: Trouble,
}

/// Runs the statements in order inside an open transaction and says how many rows each affected.
/// Prepares nothing that stays, except after an error: then the connection must be closed.
pub(super) async fn execute_all(
    connection: &mut PgConnection,
    ops: &[&Op],
) -> Result<Vec<u64>, Stuck> {
    if let [op] = ops {
        let affected = execute(connection, op).await;
        return affected.map(|rows| vec![rows]).map_err(|trouble| Stuck { at: 0, trouble });
    }
    let mut names = Names::default();
    let mut script = Script::default();
    script.add(&mut names, ops)?;
    for number in 0..names.numbers.len() {
        script.push(format!("DEALLOCATE w{number}"), false);
    }
    script.run(connection).await
}

impl Names {
    /// Runs the statements and then a text without arguments, as one; keeps what it prepared for the next time. Statements
    /// of the text have numbers from the number of operations on.
    pub(super) async fn execute_and_end(
        &mut self,
        connection: &mut PgConnection,
        ops: &[&Op],
        end: String,
    ) -> Result<(), Stuck> {
        let mut script = Script::default();
        self.torn = true;
        if self.numbers.len() < MOST_NAMES {
            script.add(self, ops)?;
        } else {
            one_by_one(connection, ops).await?;
            script.before = ops.len();
        }
        script.push(end, true);
        script.run(connection).await?;
        self.torn = false;
        Ok(())
    }

    /// After an error it is open which names the connection has: it must be closed.
    pub(super) fn torn(&self) -> bool {
        self.torn
    }
}

async fn one_by_one(connection: &mut PgConnection, ops: &[&Op]) -> Result<Vec<u64>, Stuck> {
    let mut affected = Vec::with_capacity(ops.len());
    for (at, op) in ops.iter().enumerate() {
        let rows = execute(connection, op).await;
        affected.push(rows.map_err(|trouble| Stuck { at, trouble })?);
    }
    Ok(affected)
}

#[derive(Default)]
struct Script {
    /// With: did the caller ask for it?
    statements: Vec<(String, bool)>,
    /// Asked for and done already.
    before: usize,
}

impl Script {
    fn push(&mut self, statement: String, asked: bool) {
        self.statements.push((statement, asked));
    }

    fn add(&mut self, names: &mut Names, ops: &[&Op]) -> Result<(), Stuck> {
        for (at, op) in ops.iter().enumerate() {
            if op.args.is_empty() {
                self.push(text(&op.sql).to_owned(), true);
                continue;
            }
            let prepared = preparation(op);
            let next = names.numbers.len();
            let number = names.numbers.get(&prepared).copied().unwrap_or_else(|| {
                self.push(format!("PREPARE w{next} {prepared}"), false);
                names.numbers.insert(prepared, next);
                next
            });
            let execution = execution(number, &op.args);
            self.push(execution.map_err(|trouble| Stuck { at, trouble })?, true);
        }
        Ok(())
    }

    async fn run(self, connection: &mut PgConnection) -> Result<Vec<u64>, Stuck> {
        let mut affected = Vec::new();
        let mut statements = self.statements.into_iter().peekable();
        while statements.peek().is_some() {
            let (mut text, mut asked) = (String::new(), Vec::new());
            while text.len() < ENOUGH
                && let Some((statement, own)) = statements.next()
            {
                text.push_str(&statement);
                // After a line break: a statement may end with a comment.
                text.push_str("\n;");
                asked.push(own);
            }
            let mut asked = asked.into_iter();
            let mut answers = connection.fetch_many(sqlx::raw_sql(&text));
            loop {
                match answers.try_next().await {
                    Ok(Some(Either::Left(done))) => {
                        if asked.next() == Some(true) {
                            affected.push(done.rows_affected());
                        }
                    }
                    Ok(Some(Either::Right(_row))) => {}
                    Ok(None) => break,
                    Err(error) => {
                        let at = self.before + affected.len();
                        return Err(Stuck { at, trouble: trouble("write")(error) });
                    }
                }
            }
        }
        Ok(affected)
    }
}

/// What follows the name in `PREPARE`: types and text. The types are those that the same arguments have in a statement of their own.
fn preparation(op: &Op) -> String {
    let kinds = op.args.iter().map(|arg| match arg {
        Arg::Int(_) => "bigint",
        Arg::Real(_) => "double precision",
        Arg::Text(_) => "text",
        Arg::Bytes(_) => "bytea",
        Arg::Bool(_) => "boolean",
        Arg::Uuid(_) => "uuid",
        Arg::Time(_) => "timestamptz",
    });
    format!("({}) AS {}", kinds.collect::<Vec<_>>().join(", "), text(&op.sql))
}

fn execution(number: usize, args: &[Arg]) -> Result<String, Trouble> {
    let mut text = format!("EXECUTE w{number} (");
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        literal(&mut text, arg)?;
    }
    text.push(')');
    Ok(text)
}

/// A list as an argument. A text with a zero is nowhere in the database; what it is without is none of the caller's keys.
pub(super) fn list<T: AsRef<str>>(values: &[T], kind: &str) -> String {
    let quoted = values.iter().map(|value| {
        let value = value.as_ref().replace('\0', "").replace('\'', "''");
        format!("'{value}'")
    });
    format!("ARRAY[{}]::{kind}", quoted.collect::<Vec<_>>().join(","))
}

/// A constant between quotes, which the server reads as the type of its place. In a quoted constant only the quote means
/// something: every connection has `standard_conforming_strings` on.
fn literal(text: &mut String, arg: &Arg) -> Result<(), Trouble> {
    let quoted = match arg {
        Arg::Int(Some(value)) => value.to_string(),
        Arg::Real(Some(value)) => value.to_string(),
        Arg::Bool(Some(value)) => value.to_string(),
        Arg::Uuid(Some(value)) => value.to_string(),
        Arg::Time(Some(value)) => value.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        Arg::Bytes(Some(value)) => {
            text.push_str("'\\x");
            text.push_str(&hex::encode(value));
            text.push('\'');
            return Ok(());
        }
        Arg::Text(Some(value)) if value.contains('\0') => {
            return Err(Trouble {
                operation: "write",
                failure: Failure::new("22021", "wrong data"),
                passing: false,
            });
        }
        Arg::Text(Some(value)) => value.replace('\'', "''"),
        _ => {
            text.push_str("NULL");
            return Ok(());
        }
    };
    let _ = write!(text, "'{quoted}'");
    Ok(())
}
