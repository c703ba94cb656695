//! How pages look.

use std::fmt::Write as _;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::words::Words;
use crate::{
    language::Language,
    page::{HTML, escape},
};

/// Nothing is loaded but our style, nothing runs, forms go nowhere else, and nobody puts a page into a frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// A page, made from top to bottom.
pub(super) struct Page {
    language: Language,
    title: &'static str,
    body: String,
}

/// A field of a form.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: Words,
    pub(super) kind: &'static str,
    pub(super) autocomplete: &'static str,
}

impl Page {
    pub(super) fn new(language: Language, title: Words) -> Self {
        Self { language, title: title.say(language), body: String::new() }
    }

    pub(super) fn paragraph(mut self, text: Words) -> Self {
        let _ = writeln!(self.body, "<p>{}</p>", escape(text.say(self.language)));
        self
    }

    /// Why the form is there again; read out first.
    pub(super) fn wrong(mut self, text: Option<&str>) -> Self {
        if let Some(text) = text {
            let _ = writeln!(self.body, "<p class=\"wrong\" role=\"alert\">{}</p>", escape(text));
        }
        self
    }

    /// Something to be copied.
    pub(super) fn output(mut self, text: &str) -> Self {
        let _ = writeln!(self.body, "<output>{}</output>", escape(text));
        self
    }

    pub(super) fn link(mut self, path: &'static str, text: Words) -> Self {
        let text = escape(text.say(self.language));
        let _ = writeln!(self.body, "<p><a href=\"{path}\">{text}</a></p>");
        self
    }

    /// A form that is sent to where the page is.
    pub(super) fn form(mut self, fields: &[Field], button: Words) -> Self {
        self.body.push_str("<form method=\"post\">\n");
        for Field { name, label, kind, autocomplete } in fields {
            let label = escape(label.say(self.language));
            let _ = writeln!(
                self.body,
                "<label for=\"{name}\">{label}</label>\n<input id=\"{name}\" name=\"{name}\" type=\"{kind}\" autocomplete=\"{autocomplete}\" required maxlength=\"1024\">"
            );
        }
        let _ =
            writeln!(self.body, "<button>{}</button>\n</form>", escape(button.say(self.language)));
        self
    }

    pub(super) fn answer(self, status: StatusCode) -> Response {
        let Self { language, title, body } = self;
        let tag = language.tag();
        let html = format!(
            "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<link rel=\"stylesheet\" href=\"/accounts/style.css\">\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
        );
        // The address of the page is a secret: it stays out of caches and of other servers' logs.
        let headers = [
            (header::CONTENT_TYPE, HTML),
            (header::CONTENT_LANGUAGE, HeaderValue::from_static(tag)),
            (header::VARY, HeaderValue::from_static("Accept-Language")),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let mut answer = (status, headers, html).into_response();
        if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status) {
            answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        answer
    }
}

pub(super) async fn style() -> Response {
    const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
    const HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, CSS),
        (header::CACHE_CONTROL, HOUR),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, include_str!("../../assets/accounts/style.css")).into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::{super::words::words, *};

    #[tokio::test]
    async fn text_of_others_is_text_and_nothing_runs() {
        let title = words("T", "T", "T");
        let page = Page::new(Language::German, title)
            .wrong(Some("<script>alert(1)</script>"))
            .output("\"a\" & <b>");
        let answer = page.answer(StatusCode::OK);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["content-language"], "de");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let html = String::from_utf8_lossy(&body);
        assert!(html.contains("<html lang=\"de\">"), "{html}");
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{html}");
        assert!(html.contains("&quot;a&quot; &amp; &lt;b&gt;"), "{html}");
    }
}
