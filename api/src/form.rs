//! Fields of forms and query strings: names with texts, in order.

use std::fmt;

/// Most fields of one form or query.
pub(crate) const FIELDS: usize = 1000;

/// Names with texts. A name may come several times; the last one counts where one value is wanted.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// From `a=1&b=2`. Bytes that are not UTF-8 become U+FFFD; fields over [`FIELDS`] are left out.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(
            form_urlencoded::parse(encoded)
                .take(FIELDS)
                .map(|(k, v)| (k.into(), v.into()))
                .collect(),
        )
    }

    pub(crate) fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The last value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The last value of a name, unless that is empty: to agents and filters the same as absent.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All names with their values, in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
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
