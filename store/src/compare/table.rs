//! A live table and its temporary copy.

use super::{Deviation, Difference, scratch::Scratch};
use crate::{Dialect, Query, Row, StoreError, args};

/// Rows of a table that are told.
const MOST_DIFFERENCES: usize = 20;
/// Longer texts are cut off; an id is not.
const LONGEST_KEY: usize = 12;
const AN_ID: usize = 36;

pub(super) struct Table {
    name: &'static str,
    /// The live one.
    live: String,
    keys: Vec<String>,
    columns: Vec<String>,
    /// Rows that do not count.
    only: &'static str,
}

impl Table {
    /// Makes the temporary copy, empty, with the indexes of the live one; from here on the plain name means the copy.
    pub(super) async fn copy(
        scratch: &mut Scratch,
        name: &'static str,
    ) -> Result<Self, StoreError> {
        let live = match scratch.dialect() {
            Dialect::Sqlite => copy_sqlite(scratch, name).await?,
            Dialect::Postgres => copy_postgres(scratch, name).await?,
        };
        let (mut keys, mut columns) = (Vec::new(), Vec::new());
        for row in columns_of(scratch, name).await? {
            let column = row.text(0)?;
            match row.bool_or_null(1)? {
                Some(true) => keys.push(column),
                // Which event a claim is from follows from how appends were grouped.
                _ if name == "claims" && column == "position" => {}
                _ => columns.push(column),
            }
        }
        if keys.is_empty() {
            return Err(StoreError::Unusable(format!(
                "the table {name} has no primary key: its rows cannot be told apart"
            )));
        }
        let only = if name == "claim_counts" { " WHERE count <> 0" } else { "" };
        Ok(Self { name, live, keys, columns, only })
    }

    /// Live rows.
    pub(super) async fn count(&self, scratch: &mut Scratch) -> Result<i64, StoreError> {
        let text = format!("SELECT count(*) FROM {}{}", self.live, self.only);
        scratch.fetch(Query::new(text, args![])).await?.first().map_or(Ok(0), |row| row.int(0))
    }

    /// What deviates, and whether there is more of it.
    pub(super) async fn differences(
        &self,
        scratch: &mut Scratch,
    ) -> Result<(Vec<Difference>, bool), StoreError> {
        let query = Query::new(self.question(scratch.dialect()), args![]);
        let rows = scratch.fetch(query).await?;
        let more = rows.len() > MOST_DIFFERENCES;
        let told = rows.iter().take(MOST_DIFFERENCES).map(|row| self.difference(row));
        Ok((told.collect::<Result<_, _>>()?, more))
    }

    /// Keys, which of the two rows there are, which columns differ.
    fn question(&self, dialect: Dialect) -> String {
        let name = quoted(self.name);
        let scratch = match dialect {
            Dialect::Sqlite => format!("temp.{name}"),
            Dialect::Postgres => format!("pg_temp.{name}"),
        };
        // Not everything can be compared in PostgreSQL, but everything has a text.
        let value = |side: &str, column: &String| match dialect {
            Dialect::Sqlite => format!("{side}.{}", quoted(column)),
            Dialect::Postgres => format!("CAST({side}.{} AS text)", quoted(column)),
        };
        let told = |column| {
            let (live, rebuilt) = (value("live", column), value("rebuilt", column));
            match dialect {
                Dialect::Sqlite => {
                    let either = format!("COALESCE({live}, {rebuilt})");
                    format!(
                        "CASE typeof({either}) WHEN 'blob' THEN hex({either}) ELSE CAST({either} AS text) END"
                    )
                }
                Dialect::Postgres => format!("COALESCE({live}, {rebuilt})"),
            }
        };
        let differs = |column: &String| {
            format!("{} IS DISTINCT FROM {}", value("live", column), value("rebuilt", column))
        };
        let same = |column: &String| format!("live.{0} = rebuilt.{0}", quoted(column));

        // Keys are never null: where there is none, there is no row.
        let key = quoted(&self.keys[0]);
        let missing = ["live", "rebuilt"].map(|side| format!("{side}.{key} IS NULL"));
        let here =
            missing.each_ref().map(|missing| format!("CASE WHEN {missing} THEN NULL ELSE 1 END"));
        let asked = self.keys.iter().map(told).chain(here);
        let asked = asked.chain(self.columns.iter().map(differs)).collect::<Vec<_>>().join(", ");
        let joined = self.keys.iter().map(same).collect::<Vec<_>>().join(" AND ");
        let [no_live, no_rebuilt] = &missing;
        let deviating = self.columns.iter().map(differs);
        let deviates =
            [no_rebuilt.clone()].into_iter().chain(deviating).collect::<Vec<_>>().join(" OR ");
        let side = |table: &str| match self.only {
            "" => table.to_owned(),
            only => format!("(SELECT * FROM {table}{only})"),
        };
        let (live, rebuilt, most) = (side(&self.live), side(&scratch), MOST_DIFFERENCES + 1);
        match dialect {
            // SQLite has no better way to join fully than to compare each row with each other row.
            Dialect::Sqlite => format!(
                "SELECT {asked} FROM {live} AS live LEFT JOIN {rebuilt} AS rebuilt ON {joined}
                 WHERE {deviates}
                 UNION ALL
                 SELECT {asked} FROM {rebuilt} AS rebuilt LEFT JOIN {live} AS live ON {joined}
                 WHERE {no_live}
                 ORDER BY 1 LIMIT {most}"
            ),
            Dialect::Postgres => format!(
                "SELECT {asked} FROM {live} AS live FULL JOIN {rebuilt} AS rebuilt ON {joined}
                 WHERE {no_live} OR {deviates} ORDER BY 1 LIMIT {most}"
            ),
        }
    }

    fn difference(&self, row: &Row) -> Result<Difference, StoreError> {
        let key = |(index, column): (usize, &String)| {
            Ok(format!("{column}={}", shown(&row.text_or_null(index)?.unwrap_or_default())))
        };
        let keys = self.keys.iter().enumerate().map(key).collect::<Result<Vec<_>, StoreError>>()?;
        let after = self.keys.len();
        let deviation = match (row.int_or_null(after)?, row.int_or_null(after + 1)?) {
            (None, _) => Deviation::Missing,
            (_, None) => Deviation::Unexpected,
            _ => {
                let mut columns = Vec::new();
                for (index, column) in self.columns.iter().enumerate() {
                    if row.bool(after + 2 + index)? {
                        columns.push(column.clone());
                    }
                }
                Deviation::Differs(columns)
            }
        };
        Ok(Difference { table: self.name, row: keys.join(" "), deviation })
    }
}

async fn columns_of(scratch: &mut Scratch, name: &'static str) -> Result<Vec<Row>, StoreError> {
    let text = match scratch.dialect() {
        Dialect::Sqlite => "SELECT name, pk > 0 FROM pragma_table_info($1, 'temp') ORDER BY cid",
        Dialect::Postgres => {
            "SELECT CAST(attname AS text), attnum = ANY (indkey) FROM pg_attribute
             LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        }
    };
    scratch.fetch(Query::new(text, args![name])).await
}

async fn copy_sqlite(scratch: &mut Scratch, name: &'static str) -> Result<String, StoreError> {
    let query = Query::new(
        "SELECT type, sql FROM main.sqlite_master WHERE tbl_name = $1 AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC",
        args![name],
    );
    let made = scratch.fetch(query).await?;
    for row in &made {
        // SQLite keeps these texts beginning like this, whatever they were.
        let text = row.text(1)?;
        let text = match row.text(0)?.as_str() {
            "table" => text.replacen("CREATE TABLE ", "CREATE TEMP TABLE ", 1),
            _ => text.replacen("INDEX ", "INDEX temp.", 1),
        };
        scratch.run(text).await?;
    }
    if made.is_empty() { Err(missing(name)) } else { Ok(format!("main.{}", quoted(name))) }
}

async fn copy_postgres(scratch: &mut Scratch, name: &'static str) -> Result<String, StoreError> {
    let query = Query::new(
        "SELECT CAST(nspname AS text) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = to_regclass($1)",
        args![name],
    );
    let rows = scratch.fetch(query).await?;
    let schema = rows.first().ok_or_else(|| missing(name))?.text(0)?;
    let live = format!("{}.{}", quoted(&schema), quoted(name));
    scratch.run(format!("CREATE TEMP TABLE {} (LIKE {live} INCLUDING ALL)", quoted(name))).await?;
    Ok(live)
}

fn missing(name: &str) -> StoreError {
    StoreError::Unusable(format!("there is no table {name}: start the server once to make it"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Enough to find the row, not enough to use what may be a password.
fn shown(key: &str) -> String {
    let plain =
        key.len() <= LONGEST_KEY || uuid::Uuid::parse_str(key).is_ok_and(|_| key.len() == AN_ID);
    if plain {
        return key.to_owned();
    }
    key.chars().take(LONGEST_KEY).chain(['…']).collect()
}
