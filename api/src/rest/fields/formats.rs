//! Texts of a form: addresses of mail and of the web, and what paths are made of.

use domain::Problem;
use url::Url;

use super::{Fields, Text, noted};
use crate::rest::sentences::sentence;

impl Fields<'_> {
    /// A mail address of at most `max` characters.
    pub(in super::super) fn email(
        &mut self,
        name: &str,
        wanted: Text,
        max: usize,
    ) -> Option<String> {
        self.formatted(name, wanted, max, ("email", is_email, "Enter a valid email address."))
    }

    /// A web address of at most `max` characters.
    pub(in super::super) fn url(&mut self, name: &str, wanted: Text, max: usize) -> Option<String> {
        self.formatted(name, wanted, max, ("uri", is_url, "Enter a valid URL."))
    }

    /// What paths are made of.
    pub(in super::super) fn slug(
        &mut self,
        name: &str,
        wanted: Text,
        max: usize,
    ) -> Option<String> {
        let otherwise = sentence(&Problem::NotASlug);
        self.formatted(name, wanted, max, ("slug", is_slug, &otherwise))
    }

    /// A text of a form, or none where it may be empty.
    fn formatted(
        &mut self,
        name: &str,
        wanted: Text,
        max: usize,
        (format, fits, otherwise): (&str, fn(&str) -> bool, &str),
    ) -> Option<String> {
        if self.notes(name, wanted.required, || noted::formatted(wanted, max, format)) {
            return None;
        }
        let text = self.short(name, wanted, max)?;
        if !text.is_empty() && !fits(&text) {
            self.refuse(name, otherwise);
        }
        Some(text)
    }
}

fn is_slug(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A mailbox at a host (RFC 5321 §2.3.11), without quoting.
fn is_email(text: &str) -> bool {
    let Some((mailbox, host)) = text.rsplit_once('@') else { return false };
    let mailbox_fits = !mailbox.is_empty()
        && mailbox.split('.').all(|atom| {
            !atom.is_empty()
                && atom
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{}|~-".contains(c))
        });
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host_fits = host == "localhost" || (host.contains('.') && host.split('.').all(label_fits));
    mailbox_fits && host_fits
}

/// A web or FTP address of a host that can be somewhere.
fn is_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let host = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.contains('.'),
        Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => true,
        None => false,
    };
    matches!(url.scheme(), "http" | "https" | "ftp" | "ftps")
        && host
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_an_address_or_not(text in "\\PC*") {
            let _ = (is_email(&text), is_url(&text));
        }
    }
}
