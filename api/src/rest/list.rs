//! Pages of lists: counts, and links to the pages beside.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use projections::Page;

use super::{
    answer::List,
    failure::RestError,
    filters::Filters,
    query::{Narrowing, Query},
    sentences,
};
use crate::{ApiState, form::Form, request::base_url};

/// Rows of a page when nobody says otherwise.
const SIZE: u32 = 10;
/// Most rows of a page.
const LARGEST: u32 = 100;

/// Which part of a list is wanted, narrowed down by `N`, and where the list is.
pub(super) struct Wanted<N = ()> {
    /// All parameters.
    query: Query<N>,
    /// Without the query.
    address: String,
    number: Number,
    size: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// From 1.
    At(u64),
    Last,
    /// 0, or not a number.
    Nowhere,
}

impl<S: Send + Sync, N> FromRequestParts<S> for Wanted<N> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Self::new(query, format!("{}{}", base_url(parts), parts.uri.path())))
    }
}

impl<N> Wanted<N> {
    fn new(query: Form, address: String) -> Self {
        let number = match query.given("page").map(str::trim) {
            None => Number::At(1),
            Some("last") => Number::Last,
            Some(number) => match number.parse() {
                Ok(0) | Err(_) => Number::Nowhere,
                Ok(number) => Number::At(number),
            },
        };
        let size = match query.given("page_size").and_then(|size| size.trim().parse::<u64>().ok()) {
            None | Some(0) => SIZE,
            Some(size) => u32::try_from(size).unwrap_or(LARGEST).min(LARGEST),
        };
        Self { query: Query::new(query), address, number, size }
    }

    /// What the list is narrowed down by, and the filters, for those who find more wrong with them.
    pub(super) fn narrowed(&self, state: &ApiState) -> (N, Filters<'_>)
    where
        N: Narrowing,
    {
        self.query.read(state)
    }

    /// What to read first. The last page is known only once the rows are counted: see [`last`](Self::last).
    pub(super) fn page(&self) -> Result<Page, RestError> {
        match self.number {
            Number::At(number) => Ok(self.at(number)),
            Number::Last => Ok(self.at(1)),
            Number::Nowhere => Err(nowhere()),
        }
    }

    /// What to read instead, where the last page is wanted and there are so many rows.
    pub(super) fn last(&self, count: u64) -> Option<Page> {
        let last = self.pages(count);
        (self.number == Number::Last && last > 1).then(|| self.at(last))
    }

    /// The page of a list that is there as a whole.
    pub(super) fn page_of<T, S>(
        &self,
        all: &[T],
        show: impl Fn(&T) -> S,
    ) -> Result<List<S>, RestError> {
        let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let page = self.last(count).map_or_else(|| self.page(), Ok)?;
        let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        self.answer(count, all.iter().skip(offset).take(limit).map(show).collect())
    }

    fn at(&self, number: u64) -> Page {
        let offset = (number - 1).saturating_mul(self.size.into());
        // What a database takes for an offset; nothing is there.
        Page { limit: self.size, offset: offset.min(u64::from(u32::MAX)) }
    }

    fn pages(&self, count: u64) -> u64 {
        count.div_ceil(self.size.into()).max(1)
    }

    /// The answer: how many there are in all, links to the pages beside, and the rows of this one.
    pub(super) fn answer<T>(&self, count: u64, results: Vec<T>) -> Result<List<T>, RestError> {
        let pages = self.pages(count);
        let number = match self.number {
            Number::At(number) => number,
            Number::Last => pages,
            Number::Nowhere => return Err(nowhere()),
        };
        if number > pages {
            return Err(nowhere());
        }
        let next = (number < pages).then(|| self.link(number + 1));
        let previous = (number > 1).then(|| self.link(number - 1));
        Ok(List { count, next, previous, results })
    }

    /// Parameters are sorted by name; the first page needs no number.
    fn link(&self, number: u64) -> String {
        let number = number.to_string();
        let mut parameters: Vec<(&str, &str)> =
            self.query.form().iter().filter(|(name, _)| *name != "page").collect();
        if number != "1" {
            parameters.push(("page", &number));
        }
        parameters.sort_by_key(|(name, _)| *name);
        if parameters.is_empty() {
            return self.address.clone();
        }
        let query: String =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("{}?{query}", self.address)
    }
}

fn nowhere() -> RestError {
    RestError::Detail(StatusCode::NOT_FOUND, sentences::INVALID_PAGE.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(query: &str) -> Wanted {
        Wanted::new(Form::parse(query.as_bytes()), "http://h/x/".to_owned())
    }

    fn links(query: &str, count: u64) -> Option<(Option<String>, Option<String>)> {
        let page = wanted(query).answer(count, Vec::<()>::new()).ok()?;
        Some((page.next, page.previous))
    }

    #[test]
    fn links_keep_the_other_parameters() {
        let (next, previous) = links("page_size=4&a=%C3%A9", 6).unwrap();
        assert_eq!(next.as_deref(), Some("http://h/x/?a=%C3%A9&page=2&page_size=4"));
        assert_eq!(previous, None);
    }

    #[test]
    fn the_link_to_the_first_page_has_no_number() {
        assert_eq!(links("page=2", 11).unwrap(), (None, Some("http://h/x/".to_owned())));
        let (next, previous) = links("page=3&page_size=1", 4).unwrap();
        assert_eq!(next.as_deref(), Some("http://h/x/?page=4&page_size=1"));
        assert_eq!(previous.as_deref(), Some("http://h/x/?page=2&page_size=1"));
    }

    #[test]
    fn an_empty_list_has_one_page() {
        assert_eq!(links("", 0), Some((None, None)));
        assert_eq!(links("page=2", 0), None);
        assert_eq!(links("page=last", 0), Some((None, None)));
    }

    #[test]
    fn pages_that_are_not_there_are_not_found() {
        for page in ["0", "x", "-1", "3", "99999999999999999999999999"] {
            assert_eq!(links(&format!("page={page}"), 20), None, "{page}");
        }
    }

    #[test]
    fn sizes_are_capped_and_nonsense_is_the_default() {
        for (size, expected) in
            [("0", 10), ("x", 10), ("-1", 10), ("7", 7), ("100", 100), ("101", 100)]
        {
            assert_eq!(wanted(&format!("page_size={size}")).page().unwrap().limit, expected);
        }
        assert_eq!(wanted("page_size=99999999999999999999").page().unwrap().limit, 10);
    }

    #[test]
    fn the_last_page_is_where_the_count_says() {
        let wanted = wanted("page=last&page_size=5");
        assert_eq!(wanted.last(11), Some(Page { limit: 5, offset: 10 }));
        assert_eq!(wanted.last(5), None);
    }

    proptest! {
        #[test]
        fn any_query_asks_for_a_page_or_for_none(query in "\\PC*", count: u64) {
            let wanted = wanted(&query);
            if let Ok(page) = wanted.page() {
                prop_assert!((1..=LARGEST).contains(&page.limit));
            }
            let _ = wanted.answer(count, Vec::<()>::new());
        }
    }
}
