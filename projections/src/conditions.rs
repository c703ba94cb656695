//! Filters, order and pages of lists.

use chrono::{DateTime, Utc};
use domain::authority::ReadScope;
use store::{Arg, Query, Row, Store, StoreError};

/// Rows of one question.
const MOST_ROWS: u32 = 1000;

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

/// Where a list goes on: what its order compares of a row, and the row's id, which decides among equals.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// As the database compares it; of the kind that the order has.
    pub value: Arg,
    /// The row.
    pub id: uuid::Uuid,
}

/// A part of a list that starts at a place and not at a number, so that rows which come and go in between are neither
/// left out nor seen twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    /// How many rows, at most 1000.
    pub limit: u32,
    /// Only rows after this one.
    pub after: Option<Place>,
    /// Only rows before this one.
    pub before: Option<Place>,
    /// From the end of the list instead of its start; the rows come in the list's order all the same.
    pub from_end: bool,
}

/// Rows of a stretch, each with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretched<T> {
    /// In the order of the list.
    pub rows: Vec<(Place, T)>,
    /// Are there more beyond the end that was not asked for: after the last row, or before the first with `from_end`?
    pub more: bool,
    /// Rows of the whole list, wherever the stretch starts.
    pub count: u64,
    /// Position that all of it was read at.
    pub position: i64,
}

/// How rows are sorted: an expression without nulls, its kind, and the direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sorting {
    pub(crate) by: &'static str,
    pub(crate) kind: SortKind,
    pub(crate) descending: bool,
}

/// The order of a list of named things; ids decide among equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamedOrder {
    /// By name.
    #[default]
    Name,
    /// By creation.
    Created,
    /// By the last change.
    Modified,
}

impl NamedOrder {
    pub(crate) fn sorting(self, descending: bool) -> Sorting {
        let (by, kind) = match self {
            Self::Name => ("name", SortKind::Text),
            Self::Created => ("created_at", SortKind::Time),
            Self::Modified => ("modified_at", SortKind::Time),
        };
        Sorting { by, kind, descending }
    }
}

/// What an order compares.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SortKind {
    Text,
    Time,
}

impl SortKind {
    fn read(self, row: &Row, column: usize) -> Result<Arg, StoreError> {
        Ok(match self {
            Self::Text => row.text(column)?.into(),
            Self::Time => row.time(column)?.into(),
        })
    }
}

/// A pattern that finds the text anywhere; what means something in patterns means itself.
pub(crate) fn containing(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// `WHERE` clauses with their arguments.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    clauses: Vec<String>,
    args: Vec<Arg>,
    /// A rule asks, or somebody who reaches everything.
    whole: bool,
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
        let places = self.places(values);
        self.clauses.push(if places.is_empty() {
            "1 = 0".to_owned()
        } else {
            format!("{column} IN ({places})")
        });
    }

    /// Only rows of the organizations in reach.
    pub(crate) fn reached(&mut self, scope: &ReadScope, column: &str) {
        match scope.organizations() {
            Some(organizations) => self.any_of(column, organizations.iter().map(|id| id.as_uuid())),
            None => self.whole = true,
        }
    }

    /// All rows, for a rule.
    pub(crate) fn whole(&mut self) {
        self.whole = true;
    }

    /// The same, and rows that belong to all.
    pub(crate) fn reached_or_shared(&mut self, scope: &ReadScope) {
        self.whole |= scope.organizations().is_none();
        if let Some(organizations) = scope.organizations() {
            let places = self.places(organizations.iter().map(|id| id.as_uuid()));
            self.clauses.push(if places.is_empty() {
                "organization_id IS NULL".to_owned()
            } else {
                format!("(organization_id IS NULL OR organization_id IN ({places}))")
            });
        }
    }

    /// One of some values inside an open parenthesis of `clause`; none of them means no row.
    pub(crate) fn any_of_inside<A: Into<Arg>>(
        &mut self,
        clause: &str,
        values: impl IntoIterator<Item = A>,
    ) {
        let places = self.places(values);
        self.clauses.push(if places.is_empty() {
            "1 = 0".to_owned()
        } else {
            format!("{clause} IN ({places}))")
        });
    }

    /// One of some values in one of some columns; none of them means no row.
    pub(crate) fn any_of_columns(&mut self, columns: &[&str], values: &[String]) {
        let places = self.places(values.iter().map(String::as_str));
        let of = |column: &&str| format!("{column} IN ({places})");
        self.clauses.push(if places.is_empty() {
            "1 = 0".to_owned()
        } else {
            format!("({})", columns.iter().map(of).collect::<Vec<_>>().join(" OR "))
        });
    }

    fn places<A: Into<Arg>>(&mut self, values: impl IntoIterator<Item = A>) -> String {
        let places: Vec<String> = values
            .into_iter()
            .map(|value| {
                self.args.push(value.into());
                format!("${}", self.args.len())
            })
            .collect();
        places.join(", ")
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

    /// A statement with these conditions.
    pub(crate) fn query(self, select: &str, rest: &str) -> Query {
        let text = format!("{select}{}{rest}", self.sql());
        Query::new(text, self.args).whole_if(self.whole)
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
                page.limit.min(MOST_ROWS),
                page.offset
            ),
            self.args,
        );
        let both = [count, rows].map(|query| query.whole_if(self.whole)).to_vec();
        let mut results = store.snapshot(both).await?.results.into_iter();
        let count =
            results.next().and_then(|rows| rows.first().map(|row| row.int(0))).transpose()?;
        let rows = results.next().unwrap_or_default().iter().map(read).collect::<Result<_, _>>()?;
        Ok(Slice { count: count.unwrap_or(0).unsigned_abs(), rows })
    }

    /// Counts the list and reads a stretch of it, in one state of the database. `columns` are `width` columns of which
    /// the first is the id.
    pub(crate) async fn stretch<T>(
        mut self,
        store: &Store,
        (columns, width, from): (&str, usize, &str),
        sorting: Sorting,
        stretch: Stretch,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Stretched<T>, StoreError> {
        let Sorting { by, kind, descending } = sorting;
        let count =
            Query::new(format!("SELECT count(*) FROM {from}{}", self.sql()), self.args.clone());
        let mut bound = |place: Option<Place>, comparison: &str| {
            let Some(Place { value, id }) = place else { return };
            self.args.extend([value, id.into()]);
            let (value, id) = (self.args.len() - 1, self.args.len());
            self.clauses.push(format!("({by}, id) {comparison} (${value}, ${id})"));
        };
        bound(stretch.after, if descending { "<" } else { ">" });
        bound(stretch.before, if descending { ">" } else { "<" });
        let limit = stretch.limit.min(MOST_ROWS);
        let direction = if descending == stretch.from_end { "ASC" } else { "DESC" };
        let rows = Query::new(
            format!(
                "SELECT {columns}, {by} FROM {from}{} ORDER BY {by} {direction}, id {direction} LIMIT {}",
                self.sql(),
                limit + 1
            ),
            self.args,
        );
        let both = [count, rows].map(|query| query.whole_if(self.whole)).to_vec();
        let snapshot = store.snapshot(both).await?;
        let mut results = snapshot.results.into_iter();
        let count =
            results.next().and_then(|rows| rows.first().map(|row| row.int(0))).transpose()?;
        let mut rows = results.next().unwrap_or_default();
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        if stretch.from_end {
            rows.reverse();
        }
        let rows = rows
            .iter()
            .map(|row| {
                let place = Place { value: kind.read(row, width)?, id: row.uuid(0)? };
                Ok((place, read(row)?))
            })
            .collect::<Result<_, StoreError>>()?;
        let count = count.unwrap_or(0).unsigned_abs();
        Ok(Stretched { rows, more, count, position: snapshot.head })
    }
}
