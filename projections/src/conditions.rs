//! Filters, order and pages of lists.

use chrono::{DateTime, Utc};
use store::{Arg, Query, Row, Store, StoreError};

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many rows, at most 1000.
    pub limit: u32,
    /// How many to leave out before.
    pub offset: u64,
}

/// Rows of a page and how many there are in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<T> {
    /// In all pages.
    pub count: u64,
    /// In this page.
    pub rows: Vec<T>,
}

/// The order of a list; the id decides among equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By creation, newest first.
    #[default]
    NewestFirst,
    /// By creation, oldest first.
    OldestFirst,
    /// By name.
    Name,
}

impl Order {
    fn sql(self) -> &'static str {
        match self {
            Self::NewestFirst => "created_at DESC, id DESC",
            Self::OldestFirst => "created_at, id",
            Self::Name => "name, id",
        }
    }
}

/// `WHERE` clauses with their arguments.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    clauses: Vec<String>,
    args: Vec<Arg>,
}

impl Conditions {
    /// A condition without argument.
    pub(crate) fn plain(&mut self, clause: &str) {
        self.clauses.push(clause.to_owned());
    }

    /// A condition on one value, which stands for every `?` of the clause.
    pub(crate) fn with(&mut self, clause: &str, value: impl Into<Arg>) {
        self.args.push(value.into());
        let place = format!("${}", self.args.len());
        self.clauses.push(clause.replace('?', &place));
    }

    /// One of some values; none of them means no row.
    pub(crate) fn any_of<A: Into<Arg>>(
        &mut self,
        column: &str,
        values: impl IntoIterator<Item = A>,
    ) {
        let places: Vec<String> = values
            .into_iter()
            .map(|value| {
                self.args.push(value.into());
                format!("${}", self.args.len())
            })
            .collect();
        self.clauses.push(if places.is_empty() {
            "1 = 0".to_owned()
        } else {
            format!("{column} IN ({})", places.join(", "))
        });
    }

    /// Made at a moment or later, before a moment, exactly at a moment.
    pub(crate) fn created(
        &mut self,
        from: Option<DateTime<Utc>>,
        before: Option<DateTime<Utc>>,
        exactly: Option<DateTime<Utc>>,
    ) {
        let bounds =
            [("created_at >= ?", from), ("created_at < ?", before), ("created_at = ?", exactly)];
        for (clause, moment) in bounds {
            if let Some(moment) = moment {
                self.with(clause, moment);
            }
        }
    }

    fn sql(&self) -> String {
        if self.clauses.is_empty() {
            return String::new();
        }
        format!(" WHERE {}", self.clauses.join(" AND "))
    }

    /// Counts and reads a page of `select`, which ends before `WHERE`, in one state of the database.
    pub(crate) async fn page<T>(
        self,
        store: &Store,
        (columns, from): (&str, &str),
        order: Order,
        page: Page,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Slice<T>, StoreError> {
        let filter = self.sql();
        let count = Query::new(format!("SELECT count(*) FROM {from}{filter}"), self.args.clone());
        let rows = Query::new(
            format!(
                "SELECT {columns} FROM {from}{filter} ORDER BY {} LIMIT {} OFFSET {}",
                order.sql(),
                page.limit.min(1000),
                page.offset
            ),
            self.args,
        );
        let mut results = store.snapshot(vec![count, rows]).await?.results.into_iter();
        let count =
            results.next().and_then(|rows| rows.first().map(|row| row.int(0))).transpose()?;
        let rows = results.next().unwrap_or_default().iter().map(read).collect::<Result<_, _>>()?;
        Ok(Slice { count: count.unwrap_or(0).unsigned_abs(), rows })
    }
}
