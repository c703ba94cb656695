//! The text of packages.
//!
//! Values are written as they are: devices in service rely on quotes passing through in Wi-Fi
//! keys. The clean-up at the end runs over values, too.

use memchr::memmem;
use serde_json::{Map, Value};

use super::Package;
use crate::literal::write_text;

/// How types and names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `config TYPE 'NAME'`, `option KEY 'VALUE'`.
    Bare,
    /// `config 'TYPE' 'NAME'`, `option 'KEY' 'VALUE'`.
    Quoted,
}

impl Style {
    /// What stands around a type or key.
    const fn quote(self) -> &'static str {
        match self {
            Self::Bare => "",
            Self::Quoted => "'",
        }
    }
}

/// What an archive keeps of a package that is alone in it.
pub(crate) fn body(package: &Package, style: Style) -> String {
    Texts::of(std::slice::from_ref(package), style).bodies().collect()
}

/// The text of each package, from which that of all is put together.
#[derive(Debug)]
pub(crate) struct Texts(Vec<String>);

impl Texts {
    pub(crate) fn of(packages: &[Package], style: Style) -> Self {
        let text = |package: &Package| {
            let mut text = String::with_capacity(1024);
            text.extend(["package ", &package.name, "\n\n"]);
            for section in package.sections.iter().filter_map(Value::as_object) {
                write_section(&mut text, section, style.quote());
            }
            clean(text)
        };
        Self(packages.iter().map(text).collect())
    }

    /// All of them. Cleaning up does not reach over the beginning of a package.
    pub(crate) fn whole(&self) -> String {
        let mut whole = self.0.concat();
        if whole.ends_with("\n\n") {
            whole.pop();
        }
        whole
    }

    /// What the archive keeps of each: not the line with its name, but, except at the very end, the
    /// blank line after it.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = &str> {
        self.0.iter().enumerate().map(|(index, text)| {
            let body = text.splitn(3, '\n').nth(2).unwrap_or_default();
            let last = index + 1 == self.0.len();
            if last && text.ends_with("\n\n") {
                body.strip_suffix('\n').unwrap_or(body)
            } else {
                body
            }
        })
    }
}

fn write_section(text: &mut String, section: &Map<String, Value>, quote: &str) {
    let word = |text: &mut String, key| {
        if let Some(value) = section.get(key) {
            write_text(text, value);
        }
    };
    text.extend(["config ", quote]);
    word(text, ".type");
    text.extend([quote, " '"]);
    word(text, ".name");
    text.push_str("'\n");
    for (key, value) in section {
        if !key.starts_with('.') {
            write_option(text, key, value, quote);
        }
    }
    text.push('\n');
}

fn write_option(text: &mut String, key: &str, value: &Value, quote: &str) {
    let begin = |text: &mut String, kind: &str| {
        for part in [kind, quote, key, quote, " '"] {
            text.push_str(part);
        }
    };
    match value {
        Value::Null => {}
        Value::String(value) if value.is_empty() => {}
        Value::Array(items) => {
            for item in items {
                begin(text, "\tlist ");
                write_text(text, item);
                text.push_str("'\n");
            }
        }
        Value::Object(map) => {
            for item in map.keys() {
                begin(text, "\tlist ");
                text.push_str(item);
                text.push_str("'\n");
            }
        }
        Value::Bool(_) | Value::String(_) | Value::Number(_) => {
            begin(text, "\toption ");
            match value {
                Value::Bool(flag) => text.push(if *flag { '1' } else { '0' }),
                other => write_text(text, other),
            }
            text.push_str("'\n");
        }
    }
}

/// Removes runs of four spaces, indents what looks like an option, and thins out blank lines.
pub(crate) fn clean(mut text: String) -> String {
    for (from, to) in
        [("    ", ""), ("\noption", "\n\toption"), ("\nlist", "\n\tlist"), ("\n\n\n", "\n\n")]
    {
        if memmem::find(text.as_bytes(), from.as_bytes()).is_some() {
            text = text.replace(from, to);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Package, Style, Texts};

    #[test]
    fn options_print_by_their_kind() {
        let sections = vec![json!({
            ".name": "x", ".type": "t", "empty": "", "flag": false, "float": 2.0, "items": ["a", 1, null],
            "keys": {"k": 1}, "none": null, "quote": "it's", "wide": "a    b", "zero": 0
        })];
        assert_eq!(
            Texts::of(&[Package { name: "p".into(), sections }], Style::Bare).whole(),
            "package p\n\nconfig t 'x'\n\toption flag '0'\n\toption float '2.0'\n\tlist items 'a'\n\tlist \
             items '1'\n\tlist items 'None'\n\tlist keys 'k'\n\toption quote 'it's'\n\toption wide \
             'ab'\n\toption zero '0'\n"
        );
        assert_eq!(Texts::of(&[], Style::Quoted).whole(), "");
    }
}
