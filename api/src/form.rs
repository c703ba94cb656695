//! Fields of forms and query strings: names with texts, in order.

use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode;

/// Most fields of one form or query.
pub(crate) const FIELDS: usize = 1000;

/// Names with texts. A name may come several times; the last one counts where one value is wanted.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
    garbled: Option<String>,
}

impl Form {
    /// From `a=1&b=2`. Bytes that are not UTF-8 become U+FFFD, see [`garbled`](Self::garbled); fields over
    /// [`FIELDS`] are left out.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let fields: Vec<(String, String)> = form_urlencoded::parse(encoded)
            .take(FIELDS)
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        // The same pairs, once more: only before they are decoded can a U+FFFD that was sent be told from one that
        // stands for other bytes.
        let garbled = encoded
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .zip(&fields)
            .find(|(pair, _)| percent_decode(pair).decode_utf8().is_err())
            .map(|(_, (name, _))| name.clone());
        Self { fields, garbled }
    }

    /// Adds a field.
    pub(crate) fn push(&mut self, name: String, value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        if self.garbled.is_none() && matches!(text, Cow::Owned(_)) {
            self.garbled = Some(name.clone());
        }
        self.fields.push((name, text.into_owned()));
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The first field whose name or value is not UTF-8. Who cannot do without what was meant refuses the request.
    pub(crate) fn garbled(&self) -> Option<&str> {
        self.garbled.as_deref()
    }

    /// The last value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The last value of a name, unless that is empty: to agents and filters the same as absent.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All names with their values, in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Names only: among the values are keys and passwords.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_equals_absent_where_it_should() {
        let form = Form::parse(b"key=&status=applied&");
        assert_eq!(form.get("key"), Some(""));
        assert_eq!(form.given("key"), None);
        assert_eq!(form.given("status"), Some("applied"));
        assert_eq!(form.given("other"), None);
    }

    #[test]
    fn values_are_not_shown() {
        assert_eq!(format!("{:?}", Form::parse(b"key=abc")), "[\"key\"]");
    }

    #[test]
    fn the_last_value_counts() {
        assert_eq!(Form::parse(b"a=1&a=2").get("a"), Some("2"));
    }

    #[test]
    fn what_is_not_text_is_named() {
        assert_eq!(Form::parse(b"a=1&b=%FF&c=%FE").garbled(), Some("b"));
        assert_eq!(Form::parse(b"&&a=1&b=\xff").garbled(), Some("b"));
        assert_eq!(Form::parse(b"a=%EF%BF%BD&%C3%A4=%C3%A4+1").garbled(), None);
        assert_eq!(Form::parse(b"a%80=1").garbled(), Some("a\u{fffd}"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_form(bytes: Vec<u8>) {
            let form = Form::parse(&bytes);
            prop_assert!(form.len() <= FIELDS);
            for (name, value) in form.iter() {
                prop_assert_eq!(form.all(name).any(|known| known == value), true);
            }
        }
    }
}
