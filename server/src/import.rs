//! `wisptrail import`: what `export` wrote, into an empty data folder or database.

mod file;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretSlice};
use store::{FORMAT, Header, Import, Imported, Keyring, Line, Location};

use self::file::Lines;
use crate::{
    cli::{self, Place},
    data_folder::{DataFolder, read_master_key},
    erasures,
    export::Progress,
    serve::{logging, open},
    settings::{self, Settings},
};

/// `wisptrail import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    place: Place,
    /// What `wisptrail export` wrote; `-` is standard input.
    file: PathBuf,
    /// The master key that the log was written under; else `security.master_key_file`, `master.key` in the data folder, or the
    /// one in the export.
    #[arg(long, value_name = "FILE")]
    master_key: Option<PathBuf>,
    /// The list of erasures (`erasures` in the data folder of the other side, or of an older one): who is on it is erased again
    /// before anything is served.
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
}

/// Imports; after an error nothing is left that could be served.
pub async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    logging::start("warn", false);
    let mut lines = Lines::open(&args.file)?;
    let header = header(&mut lines)?;
    let mut first = lines.next()?;
    let embedded = match &mut first {
        Some(Line::MasterKey(digits)) => {
            let bytes = hex::decode(std::mem::take(digits)).unwrap_or_default();
            first = None;
            Some(SecretSlice::from(bytes))
        }
        _ => None,
    };
    let key = master_key(&args, &settings, &header, embedded)?;

    let given = erasures::given(args.erasures.as_ref())?;

    let made = !settings.data.folder.exists();
    let folder = DataFolder::open(&settings.data.folder)?;
    let outcome = import(&settings, &folder, lines, first, header, key).await;
    let applied = match &outcome {
        Ok(_) => erasures::apply_alone(&settings, &folder, &given).await.context(
            "everything is imported, but not everybody who was erased is erased again: the server does it when it starts, or says what is wrong",
        ),
        Err(_) => Ok(0),
    };
    drop(folder);
    if outcome.is_err() && made {
        // Empty but for the lock.
        drop(fs::remove_file(settings.data.folder.join("lock")));
        drop(fs::remove_dir(&settings.data.folder));
    }
    let imported = outcome?;
    cli::print(&format!(
        "imported {} events, {} rows and {} archives\nchain head: position {}, hash {}",
        imported.counts.events,
        imported.counts.rows,
        imported.counts.blobs,
        imported.position,
        hex::encode(&imported.hash),
    ))?;
    let again = applied?;
    if again > 0 {
        cli::print(&format!(
            "{again} people were erased since the export was made: they are erased again"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn header(lines: &mut Lines) -> anyhow::Result<Header> {
    let text = lines.text()?.context("the file is empty: export again")?;
    // Of a newer format only this is known.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let format = value["wisptrail_export"].as_u64();
    match format {
        None | Some(0) => bail!(
            "{}: this is no header of an export: give a file that `wisptrail export` wrote",
            lines.place()
        ),
        Some(format) if format > u64::from(FORMAT) => bail!(
            "{}: the export has format {format}, this wisptrail reads formats up to {FORMAT}: import with wisptrail {} or newer",
            lines.place(),
            value["program"].as_str().unwrap_or("of the other side"),
        ),
        Some(_) => {}
    }
    serde_json::from_str(&text).map_err(|error| lines.garbled(&error.to_string()))
}

/// What opens the keys, and whether it has to be kept in the data folder.
struct Key {
    secret: SecretSlice<u8>,
    keep: bool,
}

/// None when nothing was ever sealed.
fn master_key(
    args: &ImportArgs,
    settings: &Settings,
    header: &Header,
    embedded: Option<SecretSlice<u8>>,
) -> anyhow::Result<Option<Key>> {
    let Some(proof) = &header.keyring else { return Ok(None) };
    let own = settings.data.folder.join("master.key");
    let configured = open::master_key_file(settings);
    let path = args.master_key.clone().or_else(|| configured.clone());
    let path = path.or_else(|| own.exists().then(|| own.clone()));
    // Where a server will look for it.
    let used = configured.unwrap_or_else(|| own.clone());
    let (secret, from, keep) = match (&path, embedded) {
        (Some(path), _) => {
            let keep = used != *path && !used.exists();
            (read_master_key(path)?, path.display().to_string(), keep && used == own)
        }
        (None, Some(secret)) => (secret, "the export".to_owned(), true),
        (None, None) => bail!(
            "the export needs the master key that its log was written under: give its file with --master-key, or export again --with-master-key"
        ),
    };
    if !Keyring::opens(proof, &secret)? {
        bail!(
            "the master key of {from} does not open this export: give the one of the installation that was exported, with --master-key"
        );
    }
    if used.exists() && path.as_ref() != Some(&used) {
        let other = read_master_key(&used)?;
        if other.expose_secret() != secret.expose_secret() {
            bail!(
                "{} holds another master key than the export's: put the right one there, a server would use it",
                used.display()
            );
        }
    }
    Ok(Some(Key { secret, keep }))
}

async fn import(
    settings: &Settings,
    folder: &DataFolder,
    mut lines: Lines,
    first: Option<Line>,
    header: Header,
    key: Option<Key>,
) -> anyhow::Result<Imported> {
    let options = open::options(settings)?;
    let postgres = matches!(options.location, Location::Postgres { .. });
    let mut progress = Progress::of(header.position);
    let mut import = Import::begin(folder.path(), options, header).await?;
    let filled = fill(&mut import, &mut lines, first, &mut progress).await;
    progress.end();
    let kept = filled.and_then(|imported| {
        if let Some(Key { secret, keep: true }) = &key {
            folder.keep_master_key(secret)?;
        }
        Ok(imported)
    });
    match kept {
        Ok(imported) => {
            import.complete().await?;
            Ok(imported)
        }
        Err(error) => {
            let place = if postgres { "the database" } else { "the data folder" };
            import.abandon().await.with_context(|| {
                format!("{error:#}; then {place} could not be emptied, it is marked as unusable")
            })?;
            Err(error)
        }
    }
}

async fn fill(
    import: &mut Import,
    lines: &mut Lines,
    first: Option<Line>,
    progress: &mut Progress,
) -> anyhow::Result<Imported> {
    let mut next = first;
    loop {
        let line = match next.take() {
            Some(line) => line,
            None => lines.next()?.ok_or_else(|| lines.cut())?,
        };
        if let Line::End(trailer) = line {
            lines.end(&trailer.sha256)?;
            progress.then("tables are filled from the events");
            return import.finish(trailer.counts).await.map_err(|error| lines.refused(error));
        }
        import.line(line).await.map_err(|error| lines.refused(error))?;
        progress.at(import.position());
    }
}

/// The database's own troubles are no fault of the file.
impl Lines {
    fn refused(&self, error: store::StoreError) -> anyhow::Error {
        match error {
            store::StoreError::Unusable(text) => anyhow!("{}: {text}", self.place()),
            error => anyhow::Error::new(error).context(self.place()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use store::{DERIVED, Options, Query, STATE, Store, args};

    use super::*;
    use crate::world::SystemWorld;

    /// Whoever adds a table decides whether it travels.
    #[tokio::test]
    async fn every_table_is_derived_or_carried() {
        let place = tempfile::tempdir().expect("a folder");
        let location = Location::Sqlite { folder: place.path().to_owned() };
        let world = Arc::new(SystemWorld::new().expect("randomness"));
        let options = Options::new(location, Arc::new(projections::Catalogue), world);
        let store = Store::open(options).await.expect("a log");
        let query =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
        let rows = store.fetch(Query::new(query, args![])).await.expect("tables");
        store.close().await;
        let there: BTreeSet<_> = rows.iter().map(|row| row.text(0).expect("a name")).collect();

        let all = projections::all();
        let owned = all.iter().flat_map(|projection| projection.tables().iter().copied());
        let carried = STATE.iter().map(|table| table.name);
        let known: Vec<_> = DERIVED.iter().copied().chain(owned).chain(carried).collect();
        for name in &there {
            let count = known.iter().filter(|known| *known == name).count();
            assert_eq!(count, 1, "{name}: does it travel? see store/src/transfer/tables.rs");
        }
        // On SQLite, blobs have a file of their own.
        for name in known.iter().filter(|name| **name != "blobs") {
            assert!(there.contains(*name), "there is no table {name}");
        }
    }
}
