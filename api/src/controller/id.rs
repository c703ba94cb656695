//! Ids in paths: 32 hexadecimal digits, or 36 characters with dashes; lower case only.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
    response::Response,
};
use domain::DeviceId;
use uuid::Uuid;

use crate::page;

/// The device of the path.
pub(super) struct Id(pub(super) DeviceId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    /// Anything else than an id matches no route: 404.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let parameters = RawPathParams::from_request_parts(parts, state).await;
        let id = parameters.ok().and_then(|all| {
            all.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| parse(id))
        });
        match id {
            Some(id) => Ok(Self(DeviceId::from_uuid(id))),
            None => Err(page::not_found().await),
        }
    }
}

/// An id in one of the two spellings.
pub(crate) fn parse(text: &str) -> Option<Uuid> {
    if text.len() == 32 && text.bytes().all(digit) {
        return Uuid::try_parse(text).ok();
    }
    dashed(text)
}

/// An id with dashes.
pub(crate) fn dashed(text: &str) -> Option<Uuid> {
    let shape = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => digit(byte),
        });
    if shape { Uuid::try_parse(text).ok() } else { None }
}

fn digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_spellings_are_one_id() {
        let dashes = "aaaaaaaa-0000-4000-8000-000000000001";
        assert_eq!(parse(dashes), parse(&dashes.replace('-', "")));
        assert!(parse(dashes).is_some());
        assert_eq!(dashed(&dashes.replace('-', "")), None);
    }

    #[test]
    fn other_spellings_are_none() {
        for text in [
            "",
            "not-a-uuid",
            "AAAAAAAA-0000-4000-8000-000000000001",
            "AAAAAAAA000040008000000000000001",
            "{aaaaaaaa-0000-4000-8000-000000000001}",
            "aaaaaaaa0000-4000-8000-000000000001-",
            "aaaaaaaa-00004000-8000-000000000001-",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_none(text in "\\PC{0,40}") {
            if let Some(id) = parse(&text) {
                let spellings = [id.simple().to_string(), id.hyphenated().to_string()];
                prop_assert!(spellings.contains(&text));
            }
        }
    }
}
