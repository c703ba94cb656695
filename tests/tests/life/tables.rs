//! All rows of tables, as texts that both databases spell alike.

use std::collections::BTreeMap;

use anyhow::Context as _;
use rusqlite::{OpenFlags, types::ValueRef};
use sqlx::{Connection as _, PgConnection, Row as _};
use wisptrail_tests::Home;

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    /// By what tells them apart.
    pub(crate) rows: BTreeMap<Vec<Option<String>>, Vec<Option<String>>>,
}

/// Tables by name.
pub(crate) type Tables = BTreeMap<String, Table>;

/// A database that is looked at beside the program.
pub(crate) enum Look {
    Sqlite(rusqlite::Connection),
    Postgres(Box<PgConnection>),
}

/// Column, its type, whether it is in the key.
type Column = (String, String, bool);

impl Look {
    pub(crate) async fn at(home: &Home) -> anyhow::Result<Self> {
        if let Some(address) = home.database() {
            return Ok(Self::Postgres(Box::new(PgConnection::connect(&address).await?)));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            rusqlite::Connection::open_with_flags(home.data().join("wisptrail.db"), flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(20))?;
        Ok(Self::Sqlite(connection))
    }

    /// Rows of a question whose columns are all texts.
    pub(crate) async fn ask(&mut self, sql: &str) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(sql)?;
                let count = statement.column_count();
                let read = |row: &rusqlite::Row<'_>| {
                    (0..count).map(|index| Ok(shown(row.get_ref(index)?))).collect()
                };
                let rows = statement.query_map([], read)?.collect::<Result<_, _>>()?;
                Ok(rows)
            }
            Self::Postgres(connection) => {
                let rows = sqlx::query(sql).fetch_all(&mut **connection).await?;
                let read = |row: &sqlx::postgres::PgRow| {
                    (0..row.len()).map(|index| row.try_get(index)).collect::<Result<_, _>>()
                };
                Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
            }
        }
    }

    /// A number that is counted.
    pub(crate) async fn count(&mut self, sql: &str) -> anyhow::Result<i64> {
        let rows = self.ask(&format!("SELECT CAST(({sql}) AS text)")).await?;
        let number = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
        number.with_context(|| format!("no number: {sql}"))
    }

    /// Names of all tables that there are.
    pub(crate) async fn names(&mut self) -> anyhow::Result<Vec<String>> {
        let sql = match self {
            Self::Sqlite(_) => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"
            }
            Self::Postgres(_) => {
                "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
            }
        };
        Ok(self.ask(sql).await?.into_iter().flatten().flatten().collect())
    }

    /// All rows of these tables; `only` are conditions on some of them.
    pub(crate) async fn tables(
        &mut self,
        names: &[&str],
        only: &[(&str, &str)],
    ) -> anyhow::Result<Tables> {
        let mut tables = Tables::new();
        for name in names {
            let columns = self.columns(name).await?;
            let key: Vec<usize> = (0..columns.len()).filter(|index| columns[*index].2).collect();
            anyhow::ensure!(!key.is_empty(), "the table {name} is not there, or has no key");
            let texts: Vec<String> = columns.iter().map(|column| self.text_of(column)).collect();
            let condition = only.iter().find(|(table, _)| table == name);
            let condition = condition.map_or("", |(_, condition)| condition);
            let sql = format!("SELECT {} FROM {name}{condition}", texts.join(", "));
            let rows = self.ask(&sql).await?.into_iter();
            let keyed = rows.map(|row| (key.iter().map(|at| row[*at].clone()).collect(), row));
            let rows = keyed.collect();
            let columns = columns.into_iter().map(|(column, ..)| column).collect();
            tables.insert((*name).to_owned(), Table { columns, rows });
        }
        Ok(tables)
    }

    async fn columns(&mut self, table: &str) -> anyhow::Result<Vec<Column>> {
        let sql = match self {
            Self::Sqlite(_) => format!(
                "SELECT name, lower(type), CAST(pk > 0 AS text) FROM pragma_table_info('{table}') ORDER BY name"
            ),
            Self::Postgres(_) => format!(
                "SELECT CAST(attname AS text), format_type(atttypid, NULL),
                 CASE WHEN attnum = ANY (indkey) THEN '1' ELSE '0' END FROM pg_attribute
                 LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary
                 WHERE attrelid = to_regclass('{table}') AND attnum > 0 AND NOT attisdropped
                 ORDER BY CAST(attname AS text) COLLATE \"C\""
            ),
        };
        let read = |row: Vec<Option<String>>| {
            let mut row = row.into_iter().map(Option::unwrap_or_default);
            Some((row.next()?, row.next()?, row.next()? == "1"))
        };
        self.ask(&sql).await?.into_iter().map(read).collect::<Option<_>>().context("columns")
    }

    /// Times are microseconds, truth is 1, bytes are digits.
    fn text_of(&self, (name, kind, _): &Column) -> String {
        match (self, kind.as_str()) {
            (Self::Sqlite(_), "blob") => format!("lower(hex({name}))"),
            (Self::Sqlite(_), _) => format!("CAST({name} AS text)"),
            (_, "timestamp with time zone") => {
                format!("CAST(CAST(extract(epoch FROM {name}) * 1000000 AS bigint) AS text)")
            }
            (_, "boolean") => format!("CAST(CAST({name} AS int) AS text)"),
            (_, "bytea") => format!("encode({name}, 'hex')"),
            _ => format!("CAST({name} AS text)"),
        }
    }
}

fn shown(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Some(hex::encode(bytes)),
    }
}

/// What differs, each with table, row and column; nothing where two are byte for byte the same.
pub(crate) fn differences(one: &Tables, other: &Tables) -> Vec<String> {
    let mut found = Vec::new();
    for (name, table) in one {
        let Some(against) = other.get(name) else {
            found.push(format!("{name}: the table is on one side only"));
            continue;
        };
        if table.columns != against.columns {
            found.push(format!("{name}: {:?} are not {:?}", table.columns, against.columns));
            continue;
        }
        let keys: std::collections::BTreeSet<_> =
            table.rows.keys().chain(against.rows.keys()).collect();
        for key in keys {
            let row = format!(
                "{name} {}",
                key.iter().map(|it| told(it.as_ref())).collect::<Vec<_>>().join(" ")
            );
            match (table.rows.get(key), against.rows.get(key)) {
                (Some(before), Some(after)) => {
                    for (index, column) in table.columns.iter().enumerate() {
                        let (here, there) = (&before[index], &after[index]);
                        if here != there {
                            let (here, there) = (told(here.as_ref()), told(there.as_ref()));
                            found.push(format!("{row}: {column} is {here}, then {there}"));
                        }
                    }
                }
                (here, _) => {
                    let side = if here.is_some() { "first" } else { "second" };
                    found.push(format!("{row}: is only on the {side} side"));
                }
            }
        }
    }
    found
}

fn told(value: Option<&String>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |text| text.chars().take(120).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(rows: &[(&str, &str)]) -> Tables {
        let text = |text: &str| Some(text.to_owned());
        let row = |(id, name): &(&str, &str)| (vec![text(id)], vec![text(id), text(name)]);
        let columns = vec!["id".to_owned(), "name".to_owned()];
        let rows = rows.iter().map(row).collect();
        Tables::from([("ships".to_owned(), Table { columns, rows })])
    }

    #[test]
    fn what_differs_is_named() {
        let one = tables(&[("1", "Vasa"), ("2", "Argo")]);
        assert_eq!(differences(&one, &one), [""; 0]);
        let other = tables(&[("1", "Wasa"), ("3", "Argo")]);
        let expected = [
            "ships 1: name is Vasa, then Wasa",
            "ships 2: is only on the first side",
            "ships 3: is only on the second side",
        ];
        assert_eq!(differences(&one, &other), expected);
        assert_eq!(differences(&one, &Tables::new()).len(), 1);
    }
}
