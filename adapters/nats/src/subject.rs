//! Names of what is published: `<prefix>.<organization or ->.<aggregate>.<id>.<type>`.

use std::fmt::Write as _;

use app::LiveEvent;

/// The subject of an event. Its type has a dot itself, so that there are six parts after a prefix of one.
pub(crate) fn subject(prefix: &str, event: &LiveEvent) -> String {
    let mut subject = prefix.to_owned();
    let organization = event.organization_id.map(|id| id.to_string()).unwrap_or_default();
    for token in [&organization, &event.aggregate_type, &event.aggregate_id] {
        push(&mut subject, token);
    }
    for token in event.event_type.split('.') {
        push(&mut subject, token);
    }
    subject
}

/// Appends a token. What other programs wrote may be called anything: what means something to NATS is written `%2E`.
fn push(subject: &mut String, token: &str) {
    subject.push('.');
    if token.is_empty() {
        subject.push('-');
    }
    for byte in token.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => subject.push(byte.into()),
            // Writing into text cannot fail.
            _ => {
                let _ = write!(subject, "%{byte:02X}");
            }
        }
    }
}

/// May subjects begin with it?
pub(crate) fn is_prefix(prefix: &str) -> bool {
    let token = |token: &str| {
        !token.is_empty()
            && token.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-')
    };
    prefix.len() <= 100 && prefix.split('.').all(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(names: &[&str]) -> String {
        let mut subject = "w".to_owned();
        for name in names {
            push(&mut subject, name);
        }
        subject
    }

    #[test]
    fn what_means_something_to_nats_is_in_no_token() {
        assert_eq!(tokens(&["", "device_group", "0198-a"]), "w.-.device_group.0198-a");
        assert_eq!(tokens(&["a.b", "*", ">", "a b", "ü\n"]), "w.a%2Eb.%2A.%3E.a%20b.%C3%BC%0A");
    }

    #[test]
    fn a_prefix_is_made_of_tokens() {
        for right in ["wisptrail", "events.wisptrail", "A-1_b"] {
            assert!(is_prefix(right), "{right}");
        }
        for wrong in ["", ".", "a.", ".a", "a..b", "a.*", "a.>", "a b", "ü", &"a".repeat(101)] {
            assert!(!is_prefix(wrong), "{wrong}");
        }
    }
}
