//! The language of the client (`Accept-Language`, RFC 9110 §12.5.4).

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

/// A language that there are sentences in. English is what the rest of the program speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    Italian,
}

impl Language {
    /// The one that the client likes best of all; English where that is nothing that we know.
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut best = (0, Self::English);
        for range in accepted.unwrap_or_default().split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
            let language = match tag.split('-').next().unwrap_or_default() {
                "de" => Self::German,
                "it" => Self::Italian,
                "en" | "*" => Self::English,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, language);
            }
        }
        best.1
    }

    /// Its tag (RFC 5646).
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Italian => "it",
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::wanted(&parts.headers))
    }
}

/// `0.8` is 800; what is no quality is none.
fn thousandths(quality: &str) -> u32 {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = format!("{whole}{:0<3}", fraction.get(..3).unwrap_or(fraction));
    digits.parse().unwrap_or(0).min(1000)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(accepted: &str) -> Language {
        let mut headers = HeaderMap::new();
        if let Ok(accepted) = HeaderValue::from_str(accepted) {
            headers.insert(header::ACCEPT_LANGUAGE, accepted);
        }
        Language::wanted(&headers)
    }

    #[test]
    fn the_best_liked_language_that_we_know_is_spoken() {
        assert_eq!(of("de"), Language::German);
        assert_eq!(of("it-IT,it;q=0.9,en;q=0.8"), Language::Italian);
        assert_eq!(of("en, de;q=0.5"), Language::English);
        assert_eq!(of("en;q=0.5, de;q=0.75"), Language::German);
        assert_eq!(of("fr, it;q=0.1"), Language::Italian);
        assert_eq!(of("fr"), Language::English);
        assert_eq!(of("de;q=0"), Language::English);
        assert_eq!(Language::wanted(&HeaderMap::new()), Language::English);
    }

    proptest! {
        #[test]
        fn any_header_is_understood_or_not(accepted in "[a-z0-9;=.,* -]{0,60}") {
            let _ = of(&accepted);
        }
    }
}
