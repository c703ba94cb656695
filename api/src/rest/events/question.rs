//! What is asked of the log: the query and `Last-Event-ID`.

use app::{Confidential, EventsSelection, Failure};
use axum::http::{HeaderMap, request::Parts};
use domain::OrganizationId;
use uuid::Uuid;

use crate::{
    form::Form,
    rest::failure::{Errors, RestError},
};

/// Events of a page, when nobody says.
const USUAL: usize = 100;
/// Events of a page at most.
const MOST: usize = 1000;

/// Everything that may be asked for.
const KNOWN: [&str; 8] =
    ["after", "organization", "aggregate", "aggregate_id", "type", "limit", "sensitive", "secrets"];

/// A question to the log.
#[derive(Debug)]
pub(super) struct Question {
    /// None is from now on.
    pub(super) after: Option<i64>,
    pub(super) selection: EventsSelection,
    pub(super) confidential: Confidential,
    pub(super) limit: usize,
}

impl Question {
    /// From a request. A name that is none is refused: a filter that is not understood would tell everything.
    pub(super) fn read(parts: &Parts) -> Result<Self, RestError> {
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let mut errors = Errors::default();
        if let Some(name) = query.garbled() {
            errors.add(name, "Not valid UTF-8.");
        }
        for (name, _) in query.iter().filter(|(name, _)| !KNOWN.contains(name)) {
            errors.add(name, format!("Unknown: it is none of {}.", KNOWN.join(", ")));
        }
        let organizations: Vec<&str> = several(&query, "organization").collect();
        let selection = EventsSelection {
            aggregate_types: several(&query, "aggregate").map(str::to_owned).collect(),
            aggregate_id: query
                .given("aggregate_id")
                .and_then(|id| uuid(id).or_else(|| refuse(&mut errors, "aggregate_id", NO_UUID))),
            types: several(&query, "type").map(str::to_owned).collect(),
            organizations: (!organizations.is_empty()).then(|| {
                let read = |id: &&str| {
                    let id = uuid(id).or_else(|| refuse(&mut errors, "organization", NO_UUID));
                    id.map(OrganizationId::from_uuid)
                };
                organizations.iter().filter_map(read).collect()
            }),
        };
        let after = last_event_id(&parts.headers)
            .map(|id| id.unwrap_or(NO_TEXT))
            .or_else(|| query.given("after"));
        let question = Self {
            after: after.and_then(|after| {
                position(after).or_else(|| refuse(&mut errors, "after", NO_POSITION))
            }),
            selection,
            confidential: Confidential {
                sensitive: flag(&query, "sensitive", &mut errors),
                secrets: flag(&query, "secrets", &mut errors),
            },
            limit: query.given("limit").map_or(USUAL, |limit| {
                let limit = limit.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                let limit = limit.or_else(|| {
                    refuse(&mut errors, "limit", &format!("A number from 1 to {MOST} is needed."))
                });
                limit.unwrap_or(USUAL)
            }),
        };
        errors.check().map(|()| question)
    }

    /// The query of the page after this one.
    pub(super) fn next(parts: &Parts, position: i64) -> String {
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let mut next = form_urlencoded::Serializer::new(String::new());
        next.append_pair("after", &position.to_string());
        next.extend_pairs(query.iter().filter(|(name, _)| *name != "after"));
        next.finish()
    }
}

const NO_UUID: &str = "Must be a valid UUID.";
const NO_POSITION: &str = "A position is a whole number, 0 or more.";
/// Stands for bytes that are no text.
const NO_TEXT: &str = "\u{fffd}";

/// What a client that lost its connection had last; it counts more than what it asked for at first.
fn last_event_id(headers: &HeaderMap) -> Option<Result<&str, ()>> {
    let id = headers.get("last-event-id")?.to_str().map_err(drop);
    (id != Ok("")).then_some(id)
}

/// Values that come several times, with commas between them, or both.
fn several<'a>(query: &'a Form, name: &'a str) -> impl Iterator<Item = &'a str> {
    let values = query.all(name).flat_map(|values| values.split(','));
    values.map(str::trim).filter(|value| !value.is_empty())
}

fn refuse<T>(errors: &mut Errors, field: &str, sentence: &str) -> Option<T> {
    errors.add(field, sentence);
    None
}

fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

fn position(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn flag(query: &Form, name: &'static str, errors: &mut Errors) -> bool {
    match query.given(name) {
        None | Some("false" | "0") => false,
        Some("true" | "1") => true,
        Some(_) => refuse(errors, name, "Must be true or false.").unwrap_or_default(),
    }
}

/// A refusal in the names of the query.
pub(super) fn refused(failure: Failure) -> RestError {
    let Failure::Invalid(mut errors) = failure else { return failure.into() };
    for error in &mut errors {
        error.field = match error.field {
            "filter.aggregate_types" => "aggregate",
            "filter.aggregate_id" => "aggregate_id",
            "filter.types" => "type",
            "filter.organization_ids" => "organization",
            other => other,
        };
    }
    Failure::Invalid(errors).into()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn read(query: &str, last: Option<&str>) -> Result<Question, RestError> {
        let mut request = Request::get(format!("/api/v1/events?{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Question::read(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn filters_come_several_times_or_with_commas() {
        let question = read("type=device.renamed,device.moved&type=user.created&after=7", None);
        let question = question.expect("a question");
        assert_eq!(question.selection.types, ["device.renamed", "device.moved", "user.created"]);
        assert_eq!((question.after, question.limit), (Some(7), USUAL));
        assert_eq!(question.selection.organizations, None);
    }

    #[test]
    fn what_a_client_had_last_counts_most() {
        assert_eq!(read("after=7", Some("12")).expect("a question").after, Some(12));
        assert_eq!(read("after=7", Some("")).expect("a question").after, Some(7));
        assert_eq!(read("", None).expect("a question").after, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, last, field) in [
            ("after=-1", None, "after"),
            ("after=x", None, "after"),
            ("after=99999999999999999999", None, "after"),
            ("after=1", Some("x"), "after"),
            ("types=device.renamed", None, "types"),
            ("organization=x", None, "organization"),
            ("aggregate_id=x", None, "aggregate_id"),
            ("limit=0", None, "limit"),
            ("limit=1001", None, "limit"),
            ("secrets=perhaps", None, "secrets"),
            ("type=%ff", None, "type"),
        ] {
            match read(query, last) {
                Err(RestError::Invalid(errors)) => {
                    assert!(errors.names(field), "{query}: {errors:?}");
                }
                other => panic!("{query}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_next_page_asks_the_same() {
        let request = Request::get("/api/v1/events?type=a%2Cb&after=3&limit=5").body(());
        let (parts, ()) = request.expect("a request").into_parts();
        assert_eq!(Question::next(&parts, 9), "after=9&type=a%2Cb&limit=5");
    }
}
