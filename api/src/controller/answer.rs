//! Answers in the words of the protocol. Agents take lines apart with `grep`: texts and content types are exact.

use app::{AgentRefused, Archive, Failure};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::page;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// After what time, in seconds, an agent may ask again. Agents that do not read it wait 2–15 seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("10");

type Text = (StatusCode, [(HeaderName, HeaderValue); 1], String);

/// `text/plain` without a character set.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Text {
    (status, [(header::CONTENT_TYPE, TEXT)], text.into())
}

/// One of the answers that the reference gives as a page.
pub(super) fn html(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, page::HTML)], text).into_response()
}

/// A parameter that keeps a request from being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadParameter {
    /// Absent or empty, which is the same.
    Missing(&'static str),
    /// None of those that are known.
    Wrong(&'static str),
    /// Not UTF-8, and what was meant matters.
    Garbled,
}

impl IntoResponse for BadParameter {
    fn into_response(self) -> Response {
        let (status, sentence) = match self {
            Self::Missing(name) => {
                let sentence = format!("error: missing required parameter \"{name}\"\n");
                (StatusCode::BAD_REQUEST, sentence)
            }
            Self::Wrong(name) => (StatusCode::FORBIDDEN, format!("error: wrong {name}\n")),
            Self::Garbled => {
                (StatusCode::BAD_REQUEST, "error: the parameters are not UTF-8\n".to_owned())
            }
        };
        text(status, sentence).into_response()
    }
}

/// An archive to be saved under the name that it is for.
pub(crate) fn archive(archive: Archive) -> Response {
    let name: String = archive.name.chars().map(|c| if safe(c) { c } else { '_' }).collect();
    let disposition = HeaderValue::try_from(format!("attachment; filename={name}.tar.gz"))
        .unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [(header::CONTENT_TYPE, OCTETS), (header::CONTENT_DISPOSITION, disposition)];
    (headers, archive.bytes).into_response()
}

/// Without quotes around it a file name may hold no separator; colons of a MAC address are kept as clients know them.
fn safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '+' | '@')
}

/// What keeps a device from being answered.
pub(super) fn refused(refused: AgentRefused) -> Response {
    match refused {
        AgentRefused::NotFound => page::page(StatusCode::NOT_FOUND, "Not Found"),
        AgentRefused::KeyMissing => BadParameter::Missing("key").into_response(),
        AgentRefused::WrongKey => BadParameter::Wrong("key").into_response(),
        AgentRefused::Deactivated => html(StatusCode::FORBIDDEN, "error: device deactivated"),
        AgentRefused::Failed(failure) => failed(failure),
    }
}

/// What is not the agent's fault, or nothing that it could do better. Never 404: that switches agents off.
pub(crate) fn failed(failure: Failure) -> Response {
    match failure {
        Failure::RateLimited | Failure::Throttled(_) => {
            let sentence = text(StatusCode::TOO_MANY_REQUESTS, "error: too many requests\n");
            ([(header::RETRY_AFTER, RETRY_AFTER)], sentence).into_response()
        }
        Failure::Broken(error) => {
            tracing::error!(error = &*error as &dyn std::error::Error, "an agent was not answered");
            page::page(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
        Failure::Invalid(_)
        | Failure::Refused(_)
        | Failure::Taken(_)
        | Failure::LimitReached { .. }
        | Failure::NotFound(_)
        | Failure::Forbidden
        | Failure::Unauthenticated
        | Failure::Busy
        | Failure::Stale
        | Failure::ReadOnly
        | Failure::Unavailable => {
            let sentence =
                text(StatusCode::SERVICE_UNAVAILABLE, "error: temporarily unavailable\n");
            ([(header::RETRY_AFTER, RETRY_AFTER)], sentence).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disposition(name: &str) -> String {
        let archive = archive(Archive {
            name: name.to_owned(),
            bytes: "x".into(),
            md5: String::new(),
            masked: false,
        });
        archive.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().to_owned()
    }

    #[test]
    fn file_names_keep_the_colons_of_an_address() {
        let expected = "attachment; filename=02:00:00:00:00:3C.tar.gz";
        assert_eq!(disposition("02:00:00:00:00:3C"), expected);
    }

    #[test]
    fn file_names_are_one_safe_word() {
        assert_eq!(
            disposition("a b\r\nkey: \"ü\""),
            "attachment; filename=a_b__key:__ü_.tar.gz".replace('ü', "_")
        );
    }

    #[test]
    fn agents_are_never_told_that_they_are_unknown_when_we_are_in_trouble() {
        for failure in [Failure::Busy, Failure::Unavailable, Failure::NotFound("Device")] {
            let answer = failed(failure);
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(answer.headers().contains_key(header::RETRY_AFTER));
        }
        assert_eq!(failed(Failure::RateLimited).status(), StatusCode::TOO_MANY_REQUESTS);
    }
}
