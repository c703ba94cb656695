//! What is written into a stream (HTML standard, 9.2, "Server-sent events").

use app::{Ended, EventsPage};
use bytes::Bytes;
use serde_json::{Value, json};

/// Comes first: after how many milliseconds a client that lost its connection comes again.
pub(super) const HELLO: Bytes = Bytes::from_static(b"retry: 2000\n\n");
/// Says that somebody is there.
pub(super) const BEAT: Bytes = Bytes::from_static(b": still here\n\n");

/// A page. Its last id is how far everything was told, whatever the filter leaves out.
pub(super) fn page(page: &EventsPage) -> Bytes {
    let mut text = String::new();
    for event in &page.events {
        write(&mut text, None, event.position, &event.cloud_event());
    }
    if page.events.last().is_none_or(|last| last.position < page.position) {
        let told = json!({ "position": page.position, "caughtUp": page.caught_up });
        write(&mut text, Some("position"), page.position, &told);
    }
    text.into()
}

/// Why a stream ends.
#[derive(Debug)]
pub(super) enum Farewell {
    /// The client is gone.
    Gone,
    /// The client took nothing for too long.
    Slow,
    /// The server stops.
    Stopping,
    /// The token, the rights, or our own fault.
    Ended(Ended),
}

impl Farewell {
    /// For programs, and for counters.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Slow => "slow",
            Self::Stopping => "stopping",
            Self::Ended(Ended::Token) => "token",
            Self::Ended(Ended::Rights) => "rights",
            Self::Ended(Ended::Failed(_)) => "unavailable",
        }
    }

    /// The last words, with the position to go on after.
    pub(super) fn frame(&self, position: Option<i64>) -> Bytes {
        let message = match self {
            Self::Gone => String::new(),
            Self::Slow => "you take too slowly: connect again".to_owned(),
            Self::Stopping => "the server stops: connect again".to_owned(),
            Self::Ended(Ended::Failed(_)) => {
                "the log cannot be read: connect again later".to_owned()
            }
            Self::Ended(ended) => ended.to_string(),
        };
        let end = json!({ "reason": self.reason(), "message": message, "resumeAfter": position });
        format!("event: end\ndata: {end}\n\n").into()
    }
}

/// JSON has no line breaks outside of texts, and escapes those inside.
fn write(text: &mut String, kind: Option<&str>, position: i64, data: &Value) {
    use std::fmt::Write as _;
    if let Some(kind) = kind {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "event: {kind}");
    }
    let _ = write!(text, "id: {position}\ndata: {data}\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_events_tells_its_position() {
        let empty = EventsPage { events: Vec::new(), position: 7, caught_up: true };
        let expected = "event: position\nid: 7\ndata: {\"position\":7,\"caughtUp\":true}\n\n";
        assert_eq!(page(&empty), expected);
    }

    #[test]
    fn last_words_name_the_place_to_go_on() {
        let said = String::from_utf8(Farewell::Slow.frame(Some(12)).to_vec()).expect("text");
        assert!(said.starts_with("event: end\ndata: {\"reason\":\"slow\","), "{said}");
        assert!(said.contains("\"resumeAfter\":12") && !said.contains("id:"), "{said}");
    }
}
