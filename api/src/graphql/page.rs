//! The page for people at `/graphql`: an editor behind a sign-in.
//!
//! `web/graphiql` makes its files; they are part of the program, so that it works where there is no internet. Their names hold
//! a hash of what is in them, and they may be kept for ever.

use std::{io::Read as _, sync::LazyLock};

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{Html, IntoResponse as _, Response},
    routing::{MethodRouter, get},
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::no_page;
use crate::{ApiState, page::not_found};

/// Where subscriptions are served.
const SUBSCRIPTIONS: &str = "/graphql";

/// Scripts and styles come from this server alone, nothing is inline, and no form leaves the page: what is typed into one
/// could end up in an address.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NO_SNIFFING: (HeaderName, HeaderValue) =
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// A file of the page.
struct Asset {
    /// With a hash of the content.
    name: String,
    content_type: &'static str,
    zipped: &'static [u8],
    /// For clients that cannot unzip; made when the first one comes.
    plain: LazyLock<Bytes, Box<dyn FnOnce() -> Bytes + Send>>,
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

    fn path(&self) -> String {
        format!("/graphql/assets/{}", self.name)
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

/// The page and what it loads.
struct Site {
    html: String,
    assets: [Asset; 3],
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let script = include_bytes!("../../assets/graphiql/page.js.gz");
    let style = include_bytes!("../../assets/graphiql/style.css.gz");
    let licenses = include_bytes!("../../assets/graphiql/LICENSES.gz");
    let assets = [
        Asset::new("page", "js", "text/javascript; charset=utf-8", script),
        Asset::new("style", "css", "text/css; charset=utf-8", style),
        Asset::new("licenses", "txt", "text/plain; charset=utf-8", licenses),
    ];
    let [script, style, licenses] = &assets;
    let html = include_str!("../../assets/graphiql/page.html")
        .replace("{script}", &script.path())
        .replace("{style}", &style.path())
        .replace("{licenses}", &licenses.path())
        .replace("{subscriptions}", SUBSCRIPTIONS);
    Site { html, assets }
});

/// The files of the page.
pub(super) fn assets() -> MethodRouter<ApiState> {
    get(asset)
}

/// The page for browsers; others are told to send POST.
pub(super) async fn show(headers: HeaderMap) -> Response {
    let vary = [(header::VARY, HeaderValue::from_static("accept"))];
    if !accepts(&headers, &header::ACCEPT, "text/html") {
        return (vary, no_page().await).into_response();
    }
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        NO_SNIFFING,
    ];
    (vary, headers, Html(SITE.html.as_str())).into_response()
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match SITE.assets.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.answer(&headers),
        None => not_found().await,
    }
}

/// Is this very value in a list of what a client accepts, and not with a weight of nought (RFC 9110, 12.4.2)? Wildcards do
/// not count: programs send them, too.
fn accepts(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
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
mod tests {
    use super::*;

    #[test]
    fn every_file_unzips_and_the_page_names_them() {
        for asset in &SITE.assets[..2] {
            assert!(asset.plain.len() > asset.zipped.len(), "{}", asset.name);
            assert!(SITE.html.contains(&asset.path()), "{}", asset.name);
        }
        let licenses = &SITE.assets[2];
        assert!(String::from_utf8_lossy(&licenses.plain).contains("graphiql 3."));
        assert!(SITE.html.contains(&licenses.path()));
        assert!(!SITE.html.contains('{'), "{}", SITE.html);
    }

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
