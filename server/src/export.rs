//! `wisptrail export`: the whole log as one file, for another machine or another database.

mod progress;
mod sink;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal as _, Write},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use store::{Export, Location, Store};

pub(crate) use self::progress::Progress;
use self::sink::Sink;
use crate::{
    cli::{self, Place},
    control::{Connection, Request},
    data_folder::read_master_key,
    log::Alone,
    serve::open,
    settings::{self, Settings},
};

/// `wisptrail export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    place: Place,
    /// The file to make, such as `wisptrail.ndjson.gz`; `-` is standard output.
    file: PathBuf,
    /// Puts the master key in: whoever has the file can then read everything in it.
    #[arg(long)]
    with_master_key: bool,
}

/// Exports beside a running server through its control socket, else by opening the log.
pub async fn run(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    let key = if args.with_master_key { Some(master_key(&settings)?) } else { None };
    let written = if args.file.as_os_str() == "-" {
        if io::stdout().is_terminal() {
            bail!("an export is nothing to look at: name a file, or send it on with a pipe");
        }
        export(&settings, io::stdout().lock(), key).await?.0
    } else {
        to_file(&args.file, async |file| export(&settings, file, key).await).await?
    };
    cli::note(&format!(
        "{} events up to position {}, {} rows and {} archives are in {}; chain hash {}",
        written.counts.events,
        written.position,
        written.counts.rows,
        written.counts.blobs,
        args.file.display(),
        hex::encode(written.hash),
    ));
    if key_is_needed(args.with_master_key, written.keyring) {
        cli::note("the master key is not in it: the import needs it too");
    }
    Ok(ExitCode::SUCCESS)
}

fn key_is_needed(with_master_key: bool, keyring: bool) -> bool {
    keyring && !with_master_key
}

/// What is in the file.
struct Written {
    counts: store::Counts,
    position: i64,
    hash: Vec<u8>,
    /// Something is sealed.
    keyring: bool,
}

/// The file has its name when it is complete, and before that another one.
pub(crate) async fn to_file<T>(
    path: &Path,
    write: impl AsyncFnOnce(File) -> anyhow::Result<(T, File)>,
) -> anyhow::Result<T> {
    let shown = path.display();
    refuse_existing(path)?;
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let writing = || format!("cannot write {}", part.display());
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .with_context(writing)?;
    // One that was left from before may have been readable by others.
    file.set_permissions(fs::Permissions::from_mode(0o600)).with_context(writing)?;
    let finish = async {
        let (written, file) = write(file).await?;
        file.sync_all().with_context(writing)?;
        refuse_existing(path)?;
        fs::rename(&part, path).with_context(|| format!("cannot make {shown}"))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
        folder.with_context(|| format!("cannot make {shown}"))?;
        anyhow::Ok(written)
    };
    let outcome = finish.await;
    if outcome.is_err() {
        drop(fs::remove_file(&part));
    }
    outcome
}

fn refuse_existing(path: &Path) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} is there already: remove it, or choose another name", path.display());
    }
    Ok(())
}

async fn export<W: Write>(
    settings: &Settings,
    to: W,
    key: Option<SecretString>,
) -> anyhow::Result<(Written, W)> {
    let mut sink = Sink::new(to, key);
    if let Some(mut connection) = Connection::ask(&settings.data.folder, &Request::Export).await? {
        while let Some(line) = connection.next_line().await? {
            sink.line(line)?;
        }
        return sink.finish();
    }
    let log = Alone::open(settings).await?;
    let outcome = async {
        let mut export = begin(&log.store, &log.location).await?;
        while let Some(lines) = export.next().await? {
            sink.lines(&lines)?;
        }
        export.close().await?;
        sink.finish()
    }
    .await;
    log.store.close().await;
    outcome
}

/// The lines of a log, for whoever writes them.
pub(crate) async fn begin(store: &Store, location: &Location) -> anyhow::Result<Export> {
    Ok(Export::begin(store, location, env!("CARGO_PKG_VERSION")).await?)
}

fn master_key(settings: &Settings) -> anyhow::Result<SecretString> {
    let path = open::master_key_file(settings);
    let path = path.unwrap_or_else(|| settings.data.folder.join("master.key"));
    let key: SecretSlice<u8> = read_master_key(&path)?;
    Ok(hex::encode(key.expose_secret()).into())
}
