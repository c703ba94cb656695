//! Lists: connections with cursors after the Relay specification.

use async_graphql::{
    OutputType, Result, SimpleObject,
    connection::{Connection, CursorType, Edge},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use projections::{Place, Stretch, Stretched};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{error::refused, scalar::Position};

/// Rows of a page where nobody says how many.
const USUAL: u32 = 20;
/// Rows of a page at most.
const MOST: u32 = 100;

/// A page of things, with how many there are in all.
pub(super) type Listed<T> = Connection<Cursor, T, Extent>;

/// What is known of a list as a whole.
#[derive(SimpleObject)]
pub(super) struct Extent {
    /// Rows of the whole list, whatever the page.
    total_count: u64,
    /// Position of the log that the page was read at.
    position: Position,
}

/// What a page of so many rows costs.
pub(super) fn cost(first: Option<i32>, last: Option<i32>, row: usize) -> usize {
    1 + rows(first.or(last)).unwrap_or(USUAL) as usize * row
}

/// Clamped: nobody gets more rows than [`MOST`].
fn rows(wanted: Option<i32>) -> Option<u32> {
    wanted.map(|wanted| u32::try_from(wanted).unwrap_or(0).min(MOST))
}

/// The arguments of every list.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) first: Option<i32>,
    pub(super) after: Option<String>,
    pub(super) last: Option<i32>,
    pub(super) before: Option<String>,
}

impl Window {
    /// Which rows are wanted of a list in this order.
    pub(super) fn stretch(&self, order: &str) -> Result<Stretch> {
        for (field, given) in [("first", self.first), ("last", self.last)] {
            if given.is_some_and(|number| number < 0) {
                return Err(refused(field, "must not be negative"));
            }
        }
        if self.first.is_some() && self.last.is_some() {
            return Err(refused("last", "cannot be given together with first"));
        }
        let place = |field, cursor: &Option<String>| {
            let cursor = cursor.as_deref().map(|cursor| Cursor::read(cursor, order));
            cursor.transpose().map_err(|sentence| refused(field, sentence))
        };
        Ok(Stretch {
            limit: rows(self.first.or(self.last)).unwrap_or(USUAL),
            after: place("after", &self.after)?,
            before: place("before", &self.before)?,
            from_end: self.last.is_some(),
        })
    }
}

/// The page that a stretch makes.
pub(super) fn page<R, T: OutputType>(
    stretched: Stretched<R>,
    order: &str,
    wanted: &Window,
    node: impl Fn(R) -> T,
) -> Listed<T> {
    let Stretched { rows, more, count, position } = stretched;
    // Beyond the end that was asked for there is what the cursor points at, if there is one.
    let (previous, next) = if wanted.last.is_some() {
        (more, wanted.before.is_some())
    } else {
        (wanted.after.is_some(), more)
    };
    let extent = Extent { total_count: count, position: Position(position) };
    let mut connection = Connection::with_additional_fields(previous, next, extent);
    connection.edges = rows
        .into_iter()
        .map(|(place, row)| Edge::new(Cursor::of(order, &place), node(row)))
        .collect();
    connection
}

/// A place in a list: what its order compares, and the row's id.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cursor(String);

#[derive(Serialize, Deserialize)]
struct Written {
    order: String,
    value: Compared,
    id: Uuid,
}

#[derive(Serialize, Deserialize)]
enum Compared {
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "m")]
    Moment(DateTime<Utc>),
    #[serde(rename = "n")]
    Number(i64),
}

impl Cursor {
    pub(super) fn of(order: &str, place: &Place) -> Self {
        use app::store::Arg;

        let value = match &place.value {
            Arg::Text(Some(text)) => Compared::Text(text.clone()),
            Arg::Time(Some(moment)) => Compared::Moment(*moment),
            Arg::Int(Some(number)) => Compared::Number(*number),
            _ => Compared::Number(0),
        };
        let written = Written { order: order.to_owned(), value, id: place.id };
        let json = serde_json::to_vec(&written).unwrap_or_default();
        Self(BASE64_URL_SAFE_NO_PAD.encode(json))
    }

    /// A cursor of another order would compare names with moments.
    fn read(cursor: &str, order: &str) -> Result<Place, &'static str> {
        const WRONG: &str = "is not a cursor of this list: take one that it answered with";
        let json = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| WRONG)?;
        let written: Written = serde_json::from_slice(&json).map_err(|_| WRONG)?;
        if written.order != order {
            return Err(
                "belongs to another list, or to another order of it: start again without it",
            );
        }
        let value = match written.value {
            Compared::Text(text) if text.contains('\0') => return Err(WRONG),
            Compared::Text(text) => text.into(),
            Compared::Moment(moment) => moment.into(),
            Compared::Number(number) => number.into(),
        };
        Ok(Place { value, id: written.id })
    }
}

impl CursorType for Cursor {
    type Error = std::convert::Infallible;

    fn decode_cursor(cursor: &str) -> Result<Self, Self::Error> {
        Ok(Self(cursor.to_owned()))
    }

    fn encode_cursor(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        for value in ["ä%_".into(), DateTime::<Utc>::MIN_UTC.into(), i64::MAX.into()] {
            let place = Place { value, id: Uuid::from_u128(7) };
            assert_eq!(Cursor::read(&Cursor::of("name", &place).0, "name"), Ok(place));
        }
    }

    #[test]
    fn a_cursor_of_another_order_is_refused() {
        let place = Place { value: "a".into(), id: Uuid::nil() };
        let cursor = Cursor::of("name:asc", &place).0;
        assert!(Cursor::read(&cursor, "name:desc").unwrap_err().contains("another list"));
    }

    #[test]
    fn pages_are_bounded() {
        let window = |first| Window { first: Some(first), ..Window::default() };
        assert_eq!(window(1_000_000).stretch("x").unwrap().limit, MOST);
        assert_eq!(window(0).stretch("x").unwrap().limit, 0);
        assert!(window(-1).stretch("x").is_err());
        assert_eq!(Window::default().stretch("x").unwrap().limit, USUAL);
        assert_eq!(cost(Some(i32::MAX), None, 3), 301);
        assert_eq!(cost(None, Some(-1), 3), 1);
    }

    proptest! {
        #[test]
        fn any_text_may_be_given_as_a_cursor(text: String) {
            let _ = Cursor::read(&text, "name");
        }
    }
}
