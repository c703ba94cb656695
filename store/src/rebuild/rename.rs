//! The same statement for other tables.

use std::collections::HashMap;

use crate::{Op, Sql};

/// Which table is called how beside the live one.
#[derive(Clone, Debug)]
pub(crate) struct Renames {
    names: HashMap<String, String>,
}

impl Renames {
    /// Names in lower case, as SQL folds them.
    pub(crate) fn new<'n>(pairs: impl IntoIterator<Item = (&'n str, String)>) -> Self {
        Self { names: pairs.into_iter().map(|(name, to)| (name.to_owned(), to)).collect() }
    }

    /// The operation on the other tables.
    pub(crate) fn op(&self, op: Op) -> Op {
        let sql = match op.sql {
            Sql::Both(text) => Sql::Both(self.text(&text).into()),
            Sql::Each { sqlite, postgres } => Sql::Each {
                sqlite: self.text(&sqlite).into(),
                postgres: self.text(&postgres).into(),
            },
        };
        Op { sql, args: op.args }
    }

    /// Replaces the names where they stand as identifiers: not in strings, comments or parts of other words,
    /// and not behind a dot, where columns stand. A column called as one of the tables is mistaken for it.
    pub(crate) fn text(&self, sql: &str) -> String {
        let mut to = String::with_capacity(sql.len() + 32);
        let mut rest = sql;
        let mut behind_dot = false;
        while let Some(first) = rest.chars().next() {
            let length = token(rest, first);
            let (token, after) = rest.split_at(length);
            match self.replacement(token, first).filter(|_| !behind_dot) {
                Some(replacement) => to.push_str(&replacement),
                None => to.push_str(token),
            }
            behind_dot = token == "." || (behind_dot && first.is_whitespace());
            rest = after;
        }
        to
    }

    fn replacement(&self, token: &str, first: char) -> Option<String> {
        if first == '"' {
            let name = token.get(1..token.len() - 1)?;
            return self.names.get(name).map(|to| format!("\"{to}\""));
        }
        starts_word(first).then(|| self.names.get(&token.to_ascii_lowercase()).cloned()).flatten()
    }
}

/// Bytes of the token at the beginning.
fn token(sql: &str, first: char) -> usize {
    match first {
        '\'' => quoted(sql, '\'', false),
        '"' => quoted(sql, '"', false),
        'e' | 'E' if sql[1..].starts_with('\'') => 1 + quoted(&sql[1..], '\'', true),
        '-' if sql.starts_with("--") => sql.find('\n').unwrap_or(sql.len()),
        '/' if sql.starts_with("/*") => sql.find("*/").map_or(sql.len(), |end| end + 2),
        '$' => dollar(sql),
        _ if starts_word(first) => sql
            .find(|c: char| !(starts_word(c) || c.is_ascii_digit() || c == '$'))
            .unwrap_or(sql.len()),
        // A digit takes the letters behind it along: 1e5.
        _ if first.is_ascii_digit() => {
            sql.find(|c: char| !(starts_word(c) || c.is_ascii_digit())).unwrap_or(sql.len())
        }
        _ => first.len_utf8(),
    }
}

fn starts_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || !c.is_ascii()
}

/// A doubled quote is a quote; so is one behind a backslash, where that escapes.
fn quoted(sql: &str, quote: char, escapes: bool) -> usize {
    let mut chars = sql.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    sql.len()
}

/// `$1`, or `$tag$ … $tag$` of PostgreSQL.
fn dollar(sql: &str) -> usize {
    let Some(end) = sql[1..].find('$') else { return 1 };
    let tag = &sql[..end + 2];
    let inner = &tag[1..tag.len() - 1];
    let is_tag = inner.chars().all(|c| starts_word(c) || c.is_ascii_digit())
        && !inner.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return 1;
    }
    sql[tag.len()..].find(tag).map_or(sql.len(), |at| at + 2 * tag.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn renames() -> Renames {
        Renames::new([
            ("devices", "devices__g2".to_owned()),
            ("device_names", "device_names__g2".to_owned()),
        ])
    }

    #[test]
    fn tables_are_renamed_where_they_are_tables() {
        for (from, to) in [
            ("DELETE FROM devices WHERE id = $1", "DELETE FROM devices__g2 WHERE id = $1"),
            ("INSERT INTO Devices(id) VALUES ($1)", "INSERT INTO devices__g2(id) VALUES ($1)"),
            (
                "INSERT INTO devices (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = devices.n + excluded.n",
                "INSERT INTO devices__g2 (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = devices__g2.n + excluded.n",
            ),
            (
                r#"UPDATE "devices" SET name = (SELECT x.name FROM device_names x)"#,
                r#"UPDATE "devices__g2" SET name = (SELECT x.name FROM device_names__g2 x)"#,
            ),
        ] {
            assert_eq!(renames().text(from), to);
        }
    }

    #[test]
    fn everything_else_stays() {
        for sql in [
            "SELECT 'devices', 'it''s devices' FROM devices_old",
            "SELECT 1 -- devices\n, /* devices */ x.devices, x . devices FROM old_devices",
            r#"SELECT "devices""x" FROM "a devices""#,
            r"SELECT E'\' devices', $a$ devices $a$, $$devices$$, $1, 1devices",
            "SELECT 'not closed devices",
            "SELECT \"not closed devices",
            "/* devices",
            "$",
            "\"",
        ] {
            assert_eq!(renames().text(sql), sql);
        }
    }

    #[test]
    fn strings_end_where_they_end() {
        assert_eq!(renames().text(r"'\' devices"), r"'\' devices__g2");
        assert_eq!(renames().text("$a$x$a$devices"), "$a$x$a$devices__g2");
        assert_eq!(renames().text("$1 devices $2"), "$1 devices__g2 $2");
        assert_eq!(renames().text("'é' devices -- é"), "'é' devices__g2 -- é");
    }

    proptest! {
        #[test]
        fn text_without_the_names_stays_as_it_is(sql in r#"[a-c $'"./*\-1\n\\éE]{0,40}"#) {
            prop_assert_eq!(renames().text(&sql), sql);
        }
    }
}
