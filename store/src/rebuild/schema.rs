//! Tables beside tables: the statements that make, switch and drop them.

use super::rename::Renames;
use crate::{Dialect, Op, Query, Store, StoreError, args};

/// The tables of a projection as they are.
#[derive(Debug)]
pub(crate) struct Schema {
    dialect: Dialect,
    tables: Vec<Table>,
}

#[derive(Debug)]
pub(crate) struct Table {
    name: String,
    /// The statement that made it; only SQLite has one.
    create: String,
    indexes: Vec<Index>,
    /// Keys, uniqueness, references: name and definition; SQLite has them in `create`.
    constraints: Vec<(String, String)>,
}

#[derive(Debug)]
struct Index {
    name: String,
    create: String,
}

/// How tables of a generation are made and take over.
#[derive(Debug)]
pub(crate) struct Beside {
    /// For the statements of the projection.
    pub(crate) renames: Renames,
    /// Makes them, empty, with the indexes that the live ones have.
    pub(crate) create: Vec<Op>,
    /// Puts them in the place of the live ones, which are gone then; the schema is what it was.
    pub(crate) switch: Vec<Op>,
    /// Removes them.
    pub(crate) drop: Vec<Op>,
}

impl Schema {
    /// Reads what the database knows of the tables.
    pub(crate) async fn read(store: &Store, tables: &[&str]) -> Result<Self, StoreError> {
        let dialect = store.dialect();
        let mut read = Vec::with_capacity(tables.len());
        for name in tables {
            read.push(match dialect {
                Dialect::Sqlite => sqlite_table(store, name).await?,
                Dialect::Postgres => postgres_table(store, name).await?,
            });
        }
        Ok(Self { dialect, tables: read })
    }

    /// The tables.
    pub(crate) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The statements for a generation.
    pub(crate) fn beside(&self, generation: i64) -> Beside {
        let tables = self.tables.iter().map(|table| &table.name);
        let renames = Renames::new(tables.map(|name| (name.as_str(), suffixed(name, generation))));
        let (create, switch) = match self.dialect {
            Dialect::Sqlite => self.sqlite(generation),
            Dialect::Postgres => self.postgres(generation, &renames),
        };
        Beside { renames, create: ops(create), switch: ops(switch), drop: self.drop(generation) }
    }

    /// Removes what an interrupted rebuild left.
    pub(crate) fn drop(&self, generation: i64) -> Vec<Op> {
        let names = self.tables.iter().rev().map(|table| suffixed(&table.name, generation));
        ops(names.map(|name| format!("DROP TABLE IF EXISTS {name}")).collect())
    }

    fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.tables.iter().flat_map(|table| &table.indexes)
    }

    /// SQLite cannot rename an index: it is made a second time.
    fn sqlite(&self, generation: i64) -> (Vec<String>, Vec<String>) {
        let names = self.tables.iter().map(|table| &table.name);
        let names = names.chain(self.indexes().map(|index| &index.name));
        let all = Renames::new(names.map(|name| (name.as_str(), suffixed(name, generation))));

        let create = self.tables.iter().map(|table| &table.create);
        let create = create.chain(self.indexes().map(|index| &index.create));
        let create = create.map(|text| all.definition(text)).collect();

        let mut switch = Vec::new();
        switch.extend(self.tables.iter().rev().map(|table| format!("DROP TABLE {}", table.name)));
        switch.extend(self.tables.iter().map(|Table { name, .. }| {
            format!("ALTER TABLE {} RENAME TO {name}", suffixed(name, generation))
        }));
        for Index { name, create } in self.indexes() {
            switch.push(format!("DROP INDEX {}", suffixed(name, generation)));
            switch.push(create.clone());
        }
        (create, switch)
    }

    fn postgres(&self, generation: i64, renames: &Renames) -> (Vec<String>, Vec<String>) {
        let mut create = Vec::new();
        let mut switch = Vec::new();
        let live = self.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>();
        switch.push(format!("DROP TABLE {}", live.join(", ")));
        for Table { name, .. } in &self.tables {
            let beside = suffixed(name, generation);
            create.push(format!(
                "CREATE TABLE {beside} (LIKE {name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMMENTS)"
            ));
            switch.push(format!("ALTER TABLE {beside} RENAME TO {name}"));
        }
        for Table { name, constraints, indexes, .. } in &self.tables {
            let beside = suffixed(name, generation);
            for (constraint, definition) in constraints {
                create.push(format!(
                    "ALTER TABLE {beside} ADD CONSTRAINT {} {}",
                    suffixed(constraint, generation),
                    renames.definition(definition)
                ));
                switch.push(format!(
                    "ALTER TABLE {name} RENAME CONSTRAINT {} TO {constraint}",
                    suffixed(constraint, generation)
                ));
            }
            for Index { name: index, create: definition } in indexes {
                let (kind, rest) = definition.split_once(" ON ").unwrap_or_default();
                let unique = if kind.contains(" UNIQUE ") { "UNIQUE " } else { "" };
                let (_, columns) = rest.split_once(" USING ").unwrap_or_default();
                create.push(format!(
                    "CREATE {unique}INDEX {} ON {beside} USING {columns}",
                    suffixed(index, generation)
                ));
                switch
                    .push(format!("ALTER INDEX {} RENAME TO {index}", suffixed(index, generation)));
            }
        }
        (create, switch)
    }
}

impl Table {
    /// What made it and its indexes; nothing on PostgreSQL, which does not keep that.
    pub(crate) fn statements(&self) -> impl Iterator<Item = String> {
        let create = (!self.create.is_empty()).then(|| self.create.clone());
        create.into_iter().chain(self.indexes.iter().map(|index| index.create.clone()))
    }
}

/// The name beside `name`.
fn suffixed(name: &str, generation: i64) -> String {
    format!("{name}__g{generation}")
}

fn ops(texts: Vec<String>) -> Vec<Op> {
    texts.into_iter().map(|text| Op::new(text, args![])).collect()
}

fn unknown(table: &str) -> StoreError {
    StoreError::Unusable(format!(
        "there is no table {table}: the migration that makes it is missing"
    ))
}

async fn sqlite_table(store: &Store, name: &str) -> Result<Table, StoreError> {
    let query = Query::new(
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = $1 AND sql IS NOT NULL ORDER BY name",
        args![name],
    );
    let (mut create, mut indexes) = (None, Vec::new());
    for row in store.fetch(query).await? {
        let (kind, found, sql) = (row.text(0)?, row.text(1)?, row.text(2)?);
        match kind.as_str() {
            "table" => create = Some(sql),
            "index" => indexes.push(Index { name: found, create: sql }),
            _ => {
                return Err(StoreError::Unusable(format!(
                    "the {kind} {found} is in the way of rebuilding {name}: tables of projections have none"
                )));
            }
        }
    }
    let create = create.ok_or_else(|| unknown(name))?;
    Ok(Table { name: name.to_owned(), create, indexes, constraints: Vec::new() })
}

async fn postgres_table(store: &Store, name: &str) -> Result<Table, StoreError> {
    let there = Query::new("SELECT CAST(to_regclass($1) AS text)", args![name]);
    let constraints = Query::new(
        "SELECT CAST(conname AS text), pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conrelid = to_regclass($1) AND contype IN ('p', 'u', 'x', 'f')
         ORDER BY contype = 'f', conname",
        args![name],
    );
    let indexes = Query::new(
        "SELECT CAST(relname AS text), pg_get_indexdef(indexrelid) FROM pg_index
         JOIN pg_class ON pg_class.oid = indexrelid
         WHERE indrelid = to_regclass($1)
           AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
         ORDER BY relname",
        args![name],
    );
    let mut found = store.snapshot(vec![there, constraints, indexes]).await?.results.into_iter();
    let mut next = || found.next().unwrap_or_default();
    if next().first().map_or(Ok(None), |row| row.text_or_null(0))?.is_none() {
        return Err(unknown(name));
    }
    let pairs = |rows: Vec<crate::Row>| {
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.text(1)?)))
            .collect::<Result<Vec<_>, StoreError>>()
    };
    let constraints = pairs(next())?;
    let indexes = pairs(next())?.into_iter().map(|(name, create)| Index { name, create }).collect();
    Ok(Table { name: name.to_owned(), create: String::new(), indexes, constraints })
}
