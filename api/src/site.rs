//! Pages that are part of the program, so that they work where there is no internet, with the files that they load.
//!
//! A folder of `web` makes the files of each. Their names hold a hash of what is in them, and they may be kept for ever.

use std::{io::Read as _, sync::LazyLock};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{Html, IntoResponse as _, Response},
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};

/// Scripts and styles come from this server alone, nothing is inline, and no form leaves the page: what is typed into one
/// could end up in an address.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Content is what it is said to be.
pub(crate) const NO_SNIFFING: (HeaderName, HeaderValue) =
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// The zipped files of a page, as the build makes them.
pub(crate) struct Built {
    pub(crate) script: &'static [u8],
    pub(crate) style: &'static [u8],
    pub(crate) licenses: &'static [u8],
    /// With holes for the addresses of the others.
    pub(crate) html: &'static str,
}

/// The page and what it loads.
pub(crate) struct Site {
    html: String,
    assets: [Asset; 3],
}

/// A file of the page.
struct Asset {
    /// With a hash of the content.
    name: String,
    content_type: &'static str,
    zipped: &'static [u8],
    /// For clients that cannot unzip; made when the first one comes.
    plain: LazyLock<Bytes, Box<dyn FnOnce() -> Bytes + Send>>,
}

impl Site {
    /// With its files below `folder`; `holes` of the page are filled beside those for the files.
    pub(crate) fn new(built: &Built, folder: &str, holes: &[(&str, &str)]) -> Self {
        let assets = [
            Asset::new("page", "js", "text/javascript; charset=utf-8", built.script),
            Asset::new("style", "css", "text/css; charset=utf-8", built.style),
            Asset::new("licenses", "txt", "text/plain; charset=utf-8", built.licenses),
        ];
        let [script, style, licenses] =
            assets.each_ref().map(|asset| format!("{folder}{}", asset.name));
        let files = [("script", &*script), ("style", &*style), ("licenses", &*licenses)];
        let html = files.iter().chain(holes).fold(built.html.to_owned(), |html, (hole, text)| {
            html.replace(&format!("{{{hole}}}"), text)
        });
        Self { html, assets }
    }

    /// The page.
    pub(crate) fn page(&self) -> Response {
        let headers = [
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            NO_SNIFFING,
        ];
        (headers, Html(self.html.clone())).into_response()
    }

    /// A file of the page, if it has one of this name.
    pub(crate) fn file(&self, name: &str, headers: &HeaderMap) -> Option<Response> {
        let asset = self.assets.iter().find(|asset| asset.name == name)?;
        Some(asset.answer(headers))
    }
}

impl Asset {
    fn new(stem: &str, ending: &str, content_type: &'static str, zipped: &'static [u8]) -> Self {
        let hash = Sha256::digest(zipped);
        let hash = hash.iter().take(8).fold(0_u64, |hash, byte| (hash << 8) | u64::from(*byte));
        Self {
            name: format!("{stem}-{hash:016x}.{ending}"),
            content_type,
            zipped,
            plain: LazyLock::new(Box::new(move || {
                let mut plain = Vec::new();
                GzDecoder::new(zipped).read_to_end(&mut plain).expect("a test unzips each file");
                plain.into()
            })),
        }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let common = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.content_type)),
            (header::CACHE_CONTROL, FOR_EVER),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
            NO_SNIFFING,
        ];
        if accepts(headers, &header::ACCEPT_ENCODING, "gzip") {
            let zip = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            return (common, zip, self.zipped).into_response();
        }
        (common, self.plain.clone()).into_response()
    }
}

/// Is this very value in a list of what a client accepts, and not with a weight of nought (RFC 9110, 12.4.2)? Wildcards do
/// not count: programs send them, too.
pub(crate) fn accepts(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|element| {
        let mut parts = element.split(';').map(str::trim);
        let value = parts.next().unwrap_or_default();
        let weight = parts
            .filter_map(|part| part.split_once('='))
            .find(|(parameter, _)| parameter.trim().eq_ignore_ascii_case("q"))
            .map_or(Ok(1.0), |(_, weight)| weight.trim().parse::<f32>());
        value.eq_ignore_ascii_case(wanted) && weight.is_ok_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
impl Site {
    /// Fails where a file does not unzip, the page does not name it, or a hole is left; the licences are what comes back.
    pub(crate) fn checked(&self) -> String {
        for asset in &self.assets {
            assert!(asset.plain.len() > asset.zipped.len(), "{}", asset.name);
            assert!(self.html.contains(&asset.name), "{}", asset.name);
        }
        assert!(!self.html.contains('{'), "{}", self.html);
        String::from_utf8_lossy(&self.assets[2].plain).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_read_from_lists() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, TEXT/HTML ; q=0.5", true),
            ("text/html;level=1;q=1", true),
            ("text/html;q=0", false),
            ("text/html;q=0.000", false),
            ("text/html;q=nonsense", false),
            ("*/*", false),
            ("text/htmlx", false),
            ("application/json", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(accepts(&headers, &header::ACCEPT, "text/html"), expected, "{accept}");
        }
    }
}
