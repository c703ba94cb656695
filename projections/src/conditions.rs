//! Filters, order and pages of lists.

use std::borrow::Cow;

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
    /// The clause of the organizations in reach, if there is one, with the place of each.
    reach: Option<(usize, Vec<String>)>,
    /// Says how many rows there are without looking at them.
    counted: Option<Query>,
    /// The rows are named.
    named: bool,
}

/// Organizations whose rows are looked for one by one: an index that begins with the organization finds the first rows of each in
/// order, but not of several.
const ONE_BY_ONE: std::ops::RangeInclusive<usize> = 2..=100;

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

    /// Only these rows; the column is the table's key.
    pub(crate) fn named<A: Into<Arg>>(&mut self, key: &str, values: impl IntoIterator<Item = A>) {
        self.any_of(key, values);
        self.named = true;
    }

    /// Only rows of the organizations in reach.
    pub(crate) fn reached(&mut self, scope: &ReadScope, column: &str) {
        match scope.organizations() {
            Some(organizations) => {
                let first = self.args.len() + 1;
                self.any_of(column, organizations.iter().map(|id| id.as_uuid()));
                if column == "organization_id" && !organizations.is_empty() {
                    let places = (first..=self.args.len()).map(|place| format!("${place}"));
                    self.reach = Some((self.clauses.len() - 1, places.collect()));
                }
            }
            None => self.whole = true,
        }
    }

    /// Each row holds a claim of a kind that counts for its organization: where nothing is asked but the organization, the
    /// claims are counted already.
    pub(crate) fn counted_by_claims(&mut self, kind: &str, scope: &ReadScope) {
        if self.clauses.len() > usize::from(self.reach.is_some()) {
            return;
        }
        let mut counts = Self { whole: true, ..Self::default() };
        counts.with("kind = ?", kind);
        if let Some(organizations) = scope.organizations() {
            counts.any_of("counts_for", organizations.iter().map(|id| id.as_uuid()));
        }
        let sum = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM claim_counts";
        self.counted = Some(counts.query(sum, ""));
    }

    /// How many rows there are. A database that holds requests to what they reach is asked for the rows: it does not hold
    /// claims to it.
    fn count(&self, store: &Store, from: &str) -> Query {
        let count =
            || Query::new(format!("SELECT count(*) FROM {from}{}", self.sql()), self.args.clone());
        let counted = self.counted.clone().filter(|_| self.whole || !store.bounded());
        counted.unwrap_or_else(count).whole_if(self.whole)
    }

    /// The rows of a page in an order.
    fn rows(&self, (columns, from): (&str, &str), order: &str, limit: u32, offset: u64) -> String {
        let page = format!("ORDER BY {order} LIMIT {limit} OFFSET {offset}");
        let Some((clause, places)) = self.reach.as_ref().filter(|(_, places)| {
            ONE_BY_ONE.contains(&places.len()) && order.starts_with("created_at") && !self.named
        }) else {
            return format!("SELECT {columns} FROM {from}{} {page}", self.sql());
        };
        let most = offset.saturating_add(u64::from(limit));
        let firsts: Vec<String> = places
            .iter()
            .enumerate()
            .map(|(number, place)| {
                let mut clauses = self.clauses.clone();
                clauses[*clause] = format!("organization_id = {place}");
                format!(
                    "SELECT id FROM (SELECT id FROM {from} WHERE {} ORDER BY {order} LIMIT {most}) AS first_{number}",
                    clauses.join(" AND ")
                )
            })
            .collect();
        format!("SELECT {columns} FROM {from} WHERE id IN ({}) {page}", firsts.join(" UNION ALL "))
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
        // SQLite would take an index of the organization for fewer values than keys, and look at every row of theirs.
        let reach = self.reach.as_ref().filter(|_| self.named).map(|(clause, _)| *clause);
        let clauses: Vec<Cow<'_, str>> = self
            .clauses
            .iter()
            .enumerate()
            .map(|(number, clause)| match reach {
                Some(reach) if reach == number => format!("({clause}) IS TRUE").into(),
                _ => clause.as_str().into(),
            })
            .collect();
        format!(" WHERE {}", clauses.join(" AND "))
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
        let count = self.count(store, from);
        let limit = page.limit.min(MOST_ROWS);
        let rows = self.rows((columns, from), order.sql(), limit, page.offset);
        let rows = Query::new(rows, self.args).whole_if(self.whole);
        let both = vec![count, rows];
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
        let count = self.count(store, from);
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
        let order = format!("{by} {direction}, id {direction}");
        let rows = self.rows((&format!("{columns}, {by}"), from), &order, limit + 1, 0);
        let rows = Query::new(rows, self.args).whole_if(self.whole);
        let both = vec![count, rows];
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
