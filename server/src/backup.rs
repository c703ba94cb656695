//! `wisptrail backup`: everything that an installation needs to live again, while it serves.
//!
//! The files are read beside a running server and not through it: they belong to whoever asks for them, and a server that is
//! locked into its own folders could not write elsewhere.

mod check;
mod copy;
mod files;
mod manifest;
mod part;
mod postgres;
mod progress;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use store::{Anchor, Keyring, Location, Store, Tip};

use self::manifest::FORMAT;
pub(crate) use self::{
    check::{look, sound},
    files::{cannot, copy as copy_file, keep, make, sync, want_room},
    manifest::{FILE as MANIFEST, Kind, Manifest},
    part::Part,
    postgres::restore_command,
    progress::Shown,
};
use crate::{
    cli::{self, Place},
    data_folder::read_master_key,
    serve::open,
    settings::{self, Settings},
    world,
};

/// The log.
pub(crate) const LOG: &str = "wisptrail.db";
/// Archives by hash; not on PostgreSQL.
const BLOBS: &str = "blobs.db";
/// Places in the chain.
pub(crate) const ANCHORS: &str = "anchors.jsonl";
/// The master key.
pub(crate) const KEY: &str = "master.key";
/// Where the dump of a PostgreSQL database is looked for.
pub(crate) const DUMP: &str = "database.dump";

/// `wisptrail backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(flatten)]
    place: Place,
    /// A folder to be made for the backup.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Leaves the master key out; it must be kept elsewhere, because nothing sealed can be read without it.
    #[arg(long)]
    without_key: bool,
}

/// Copies, checks the copy, and gives it its name last.
pub async fn run(args: BackupArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    elsewhere(&settings.data.folder, &args.folder)?;
    let location = open::location(&settings)?;
    let key = key(&settings, &location, args.without_key)?;
    let said = match location {
        Location::Sqlite { folder } => embedded(&folder, &args.folder, key).await?,
        Location::Postgres { url } => shared(&settings, &url, &args.folder, key).await?,
    };
    cli::print(&said)?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever loses the data folder would lose a backup in it, too.
fn elsewhere(data: &Path, to: &Path) -> anyhow::Result<()> {
    let above = to.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // What is not there is told by whoever needs it.
    let (Ok(data), Ok(above)) = (data.canonicalize(), above.canonicalize()) else { return Ok(()) };
    if above.starts_with(&data) {
        bail!(
            "{} is inside of the data folder {} and would be lost together with it: give another place",
            to.display(),
            data.display()
        );
    }
    Ok(())
}

/// The key of the installation, or where it stays.
enum Key {
    Included(PathBuf, SecretSlice<u8>),
    LeftOut(PathBuf),
}

fn key(settings: &Settings, location: &Location, without: bool) -> anyhow::Result<Key> {
    let folder = &settings.data.folder;
    if matches!(location, Location::Sqlite { .. }) {
        let log = folder.join(LOG);
        match log.try_exists() {
            Ok(true) => {}
            Ok(false) => {
                bail!("there is no data in {}: give the data folder with --data", folder.display())
            }
            Err(error) => return Err(cannot("read", &log, error)),
        }
    }
    let path = open::master_key_file(settings).unwrap_or_else(|| folder.join(KEY));
    if without {
        return Ok(Key::LeftOut(path));
    }
    let read = read_master_key(&path)
        .context("the backup would have no master key: say --without-key if that is meant")?;
    Ok(Key::Included(path, read))
}

/// SQLite: files of one moment.
async fn embedded(data: &Path, to: &Path, key: Key) -> anyhow::Result<String> {
    let part = Part::make(to)?;
    let (from, into) = (data.to_owned(), part.path().to_owned());
    let mut files = tokio::task::spawn_blocking(move || copy::databases(&from, &into)).await??;
    let location = Location::Sqlite { folder: part.path().to_owned() };
    let store = look(location, Some(part.path())).await?;
    let finished = async {
        let tip = store.tip().await?;
        files.extend(anchors(data, &part, &tip)?);
        put_key(&store, &part, &key).await?;
        sound(&store, &tip).await.context(
            "nothing was kept; look with `wisptrail verify`, and keep the backup before this one",
        )?;
        anyhow::Ok(tip)
    }
    .await;
    store.close().await;
    let manifest = manifest(Kind::Sqlite, finished?, &key, files);
    let bytes = manifest.files.iter().map(|file| file.size).sum::<u64>();
    publish(part, to, &manifest)?;
    Ok(format!(
        "position {} is backed up in {}: {} files, {}, the chain fits together\n{}",
        manifest.head,
        to.display(),
        manifest.files.len(),
        progress::amount(bytes),
        said_of_key(&key)
    ))
}

/// PostgreSQL: what is not in the database, and how to copy what is.
async fn shared(
    settings: &Settings,
    url: &SecretString,
    to: &Path,
    key: Key,
) -> anyhow::Result<String> {
    let data = &settings.data.folder;
    let store = look(Location::Postgres { url: url.clone() }, None).await?;
    let finished = async {
        let part = Part::make(to)?;
        let tip = store.tip().await?;
        let files = anchors(data, &part, &tip)?;
        put_key(&store, &part, &key).await?;
        let manifest = manifest(Kind::Postgres, tip, &key, files.into_iter().collect());
        publish(part, to, &manifest)?;
        anyhow::Ok(manifest.head)
    }
    .await;
    store.close().await;
    Ok(format!(
        "what is not in the database is in {to}, as of position {head}\n{key}\n\
         The rest (events, tables, archives) is in the database; this command copies all of it, also while it is in use:\n\n  \
         {dump}\n\n\
         It asks for the password where one is needed (or takes it from ~/.pgpass). Without it this backup is not complete.\n\
         To restore, make an empty database, then:\n\n  \
         {load}\n  wisptrail restore {quoted} --data EMPTY-FOLDER --database-url ADDRESS",
        to = to.display(),
        head = finished?,
        key = said_of_key(&key),
        dump = postgres::dump_command(url, &to.join(DUMP)),
        load = restore_command(url, &to.join(DUMP)),
        quoted = postgres::quoted(&to.to_string_lossy()),
    ))
}

fn manifest(database: Kind, tip: Tip, key: &Key, files: Vec<manifest::Listed>) -> Manifest {
    Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: world::now(),
        database,
        head: tip.head,
        chain: tip.chain,
        master_key: matches!(key, Key::Included(..)),
        files,
    }
}

fn publish(part: Part, to: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    keep(&part.path().join(MANIFEST), manifest.text()?.as_bytes())?;
    part.publish(to)
}

/// Anchors up to the copied head: later ones would say that the log was cut.
fn anchors(data: &Path, part: &Part, tip: &Tip) -> anyhow::Result<Option<manifest::Listed>> {
    let path = data.join(ANCHORS);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("read", &path, error)),
    };
    let known = |line: &&str| {
        let anchor = serde_json::from_str::<Anchor>(line);
        anchor.is_ok_and(|anchor| anchor.position <= tip.head)
    };
    let kept: String = text.lines().filter(known).flat_map(|line| [line, "\n"]).collect();
    keep(&part.path().join(ANCHORS), kept.as_bytes())?;
    Ok(Some(manifest::Listed::of(ANCHORS, kept.as_bytes())))
}

/// A key that opens nothing would be found out too late.
async fn put_key(store: &Store, part: &Part, key: &Key) -> anyhow::Result<()> {
    let Key::Included(path, key) = key else { return Ok(()) };
    if Keyring::fits(store, key).await? == Some(false) {
        bail!(
            "{} is not the master key of the database: put the right one there, or leave it out with --without-key",
            path.display()
        );
    }
    write_key(&part.path().join(KEY), key)
}

/// Writes a key as the data folder has it.
pub(crate) fn write_key(path: &Path, key: &SecretSlice<u8>) -> anyhow::Result<()> {
    keep(path, format!("{}\n", hex::encode(key.expose_secret())).as_bytes())
}

fn said_of_key(key: &Key) -> String {
    match key {
        Key::Included(..) => format!(
            "the master key is in it ({KEY}): whoever gets hold of this backup can read everything in it"
        ),
        Key::LeftOut(path) => format!(
            "the master key is NOT in it: keep a copy of {} elsewhere. Without it neither secrets nor archives can be read, and restore asks for it",
            path.display()
        ),
    }
}
