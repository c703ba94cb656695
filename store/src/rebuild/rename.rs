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

    /// Replaces the names where they stand for tables: behind words such as `FROM`, in its lists, and before a dot. Columns,
    /// strings and comments that happen to be called the same stay.
    pub(crate) fn text(&self, sql: &str) -> String {
        self.replaced(sql, &[])
    }

    /// The same for the statement that made a table or an index; names may be those of indexes, too.
    pub(crate) fn definition(&self, sql: &str) -> String {
        self.replaced(sql, &["index", "on"])
    }

    fn replaced(&self, sql: &str, further: &[&str]) -> String {
        let mut to = String::with_capacity(sql.len() + 32);
        let mut rest = sql;
        let mut place = Place::default();
        while let Some(first) = rest.chars().next() {
            let (token, after) = rest.split_at(token(rest, first));
            rest = after;
            if first.is_whitespace() || token.starts_with("--") || token.starts_with("/*") {
                to.push_str(token);
                continue;
            }
            let qualifies = after.trim_start().starts_with('.');
            let replacement = self
                .replacement(token, first)
                .filter(|_| !place.behind_dot() && (qualifies || place.is_of_table(further)));
            to.push_str(replacement.as_deref().unwrap_or(token));
            place.advance(token);
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

/// Words that tables stand behind.
const BEFORE_TABLES: [&str; 9] =
    ["from", "join", "into", "update", "using", "table", "references", "exists", "only"];
/// Words that end a list of tables.
const AFTER_TABLES: [&str; 15] = [
    "where",
    "set",
    "on",
    "group",
    "having",
    "order",
    "limit",
    "union",
    "except",
    "intersect",
    "window",
    "returning",
    "values",
    "select",
    "do",
];

/// Where in a statement the next token stands.
struct Place {
    /// The tokens before it in lower case, the last one first.
    before: [String; 2],
    /// For each open parenthesis: is this a list of tables?
    lists: Vec<bool>,
}

impl Default for Place {
    fn default() -> Self {
        Self { before: Default::default(), lists: vec![false] }
    }
}

impl Place {
    fn behind_dot(&self) -> bool {
        self.before[0] == "."
    }

    fn is_of_table(&self, further: &[&str]) -> bool {
        match self.before[0].as_str() {
            "from" => !self.compares(),
            "," => self.lists.last().is_some_and(|list| *list),
            word => BEFORE_TABLES.contains(&word) || further.contains(&word),
        }
    }

    /// `IS DISTINCT FROM`
    fn compares(&self) -> bool {
        self.before[1] == "distinct"
    }

    fn advance(&mut self, token: &str) {
        let token = token.to_ascii_lowercase();
        let [before, _] = std::mem::take(&mut self.before);
        self.before = [token, before];
        let last = self.before[0].as_str();
        let starts = last == "from" && !self.compares();
        let ends = AFTER_TABLES.contains(&last);
        match last {
            "(" => self.lists.push(false),
            ")" if self.lists.len() > 1 => self.lists.truncate(self.lists.len() - 1),
            _ if starts || ends => {
                if let Some(list) = self.lists.last_mut() {
                    *list = starts;
                }
            }
            _ => {}
        }
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
            (
                "SELECT \"devices\" . n FROM old o, devices, device_names /* , devices */ JOIN devices d ON d.id = o.id",
                "SELECT \"devices__g2\" . n FROM old o, devices__g2, device_names__g2 /* , devices */ JOIN devices__g2 d ON d.id = o.id",
            ),
            (
                "INSERT INTO devices SELECT a, (SELECT max(x) FROM device_names), b FROM old",
                "INSERT INTO devices__g2 SELECT a, (SELECT max(x) FROM device_names__g2), b FROM old",
            ),
            (
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM ONLY devices)",
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM ONLY devices__g2)",
            ),
        ] {
            assert_eq!(renames().text(from), to);
        }
    }

    #[test]
    fn definitions_are_renamed() {
        for (from, to) in [
            (
                "CREATE TABLE devices (id TEXT PRIMARY KEY, devices TEXT, parent TEXT REFERENCES devices (id) ON DELETE CASCADE)",
                "CREATE TABLE devices__g2 (id TEXT PRIMARY KEY, devices TEXT, parent TEXT REFERENCES devices__g2 (id) ON DELETE CASCADE)",
            ),
            (
                "CREATE UNIQUE INDEX device_names ON devices (devices, name)",
                "CREATE UNIQUE INDEX device_names__g2 ON devices__g2 (devices, name)",
            ),
        ] {
            assert_eq!(renames().definition(from), to);
        }
    }

    #[test]
    fn everything_else_stays() {
        for sql in [
            "SELECT 'devices', 'it''s devices' FROM devices_old",
            "SELECT 1 -- devices\n, /* devices */ x.devices, x . devices FROM old_devices",
            r#"SELECT "devices""x" FROM "a devices""#,
            r"SELECT E'\' devices', $a$ devices $a$, $$devices$$, $1, 1devices",
            "SELECT devices, max(devices) FROM old WHERE devices = 1 AND a IS DISTINCT FROM devices GROUP BY a, devices",
            "UPDATE old SET devices = $1, device_names = devices WHERE (a, devices) IN (SELECT b, devices FROM c)",
            "INSERT INTO old (id, devices) VALUES ($1, $2) ON CONFLICT (devices) DO UPDATE SET devices = excluded.devices",
            "SELECT x FROM unnest(a, devices) ORDER BY 1, devices",
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
        assert_eq!(renames().text(r"FROM '\', devices"), r"FROM '\', devices__g2");
        assert_eq!(renames().text("$a$x$a$devices.x"), "$a$x$a$devices__g2.x");
        assert_eq!(renames().text("$1 FROM devices $2"), "$1 FROM devices__g2 $2");
        assert_eq!(renames().text("'é' FROM devices -- é"), "'é' FROM devices__g2 -- é");
    }

    proptest! {
        #[test]
        fn text_without_the_names_stays_as_it_is(sql in r#"[a-c $'"./*\-1\n\\éE]{0,40}"#) {
            prop_assert_eq!(renames().text(&sql), sql);
        }
    }
}
