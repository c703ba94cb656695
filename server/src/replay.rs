//! `wisptrail replay`: the whole system as it was at a moment, as an installation of its own that is only looked at.
//!
//! The log is read beside a running server, as a backup is; nothing of the server's waits for it.

mod until;

use std::{collections::HashSet, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::Args;
use domain::{Event, configuration::ConfigurationEvent};
use rand::Rng as _;
use secrecy::SecretSlice;
use std::sync::Arc;
use store::{
    ArchiveFile, Archives, Export, Imported, Kept, Line, Location, Options, Recorded, Replay,
    Replayed, ReplayedKeys, Sha256, Store,
};

pub use self::until::Until;
use crate::{
    archive,
    backup::{KEY, LOG, Part, look, write_key},
    cli::{self, Place},
    data_folder::read_master_key,
    erasures,
    export::Progress,
    serve::open,
    settings::{self, Settings},
    world::{self, SystemWorld},
};

/// `wisptrail replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    place: Place,
    /// The moment: a time (RFC 3339), or the position of an event, which is the last one in it.
    #[arg(long, value_name = "TIME|POSITION")]
    until: Until,
    /// The folder to be made, a data folder for `wisptrail serve --read-only`; an empty one will do.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Takes the keys along: what is sealed (secrets of devices, what is known of people) can be read there.
    #[arg(long)]
    with_keys: bool,
    /// A folder with archives of the log (`archive.folder`), for contents that the log kept for a while only; may be repeated.
    #[arg(long, value_name = "DIR")]
    archives: Vec<PathBuf>,
}

/// Copies, fills the tables, and gives the folder its name last.
pub async fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    if Replayed::of(&settings.data.folder)?.is_some() {
        bail!(
            "{} itself shows what was: replay the log that it was made of",
            settings.data.folder.display()
        );
    }
    let location = open::location(&settings)?;
    if let Location::Sqlite { folder } = &location
        && !folder.join(LOG).exists()
    {
        bail!("there is no data in {}: give the data folder with --data", folder.display());
    }
    let archives = archives(&settings, &args.archives)?;
    let part = Part::over_empty(&args.into)?;
    let store = look(location.clone(), None).await?;
    let copied = async {
        store.check_opens().await?;
        let position = args.until.position(&store).await?;
        copy(&settings, (&store, &location), &part, position, (args.with_keys, archives)).await
    }
    .await;
    store.close().await;
    let (imported, replayed) = copied?;
    replayed.mark(part.path())?;
    part.publish_over_empty(&args.into)?;

    if let Some(gone) = gone(&replayed) {
        cli::note(&format!(
            "{gone}; `wisptrail archive` makes files that keep them, --archives names their folder"
        ));
    }
    let into = args.into.display();
    let when = replayed.recorded_at.map(|time| format!(", {}", world::shown(time)));
    cli::print(&format!(
        "{into} shows position {}{}: {} events, {} archives\n{}\nlook at it: wisptrail serve --read-only --data {into}",
        replayed.position,
        when.unwrap_or_default(),
        imported.counts.events,
        imported.counts.blobs,
        if replayed.keys {
            "the keys are in it: whoever gets hold of it can read everything in it"
        } else {
            "the keys are not in it: what is sealed stays sealed"
        },
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What is missing, in words; none where nothing is.
pub(crate) fn gone(replayed: &Replayed) -> Option<String> {
    (replayed.gone > 0).then(|| {
        format!(
            "the contents of {} events were kept for a while only, or of people who were erased, and are missing",
            replayed.gone
        )
    })
}

/// The archives that are given, or those of the settings where there are any.
fn archives(settings: &Settings, given: &[PathBuf]) -> anyhow::Result<Option<Archives>> {
    let mut folders = given.to_vec();
    if folders.is_empty() {
        let own = archive::folder(settings).into_iter();
        folders.extend(own.filter(|own| !ArchiveFile::all(own).unwrap_or_default().is_empty()));
    }
    if folders.is_empty() {
        return Ok(None);
    }
    Ok(Some(Archives::in_folders(&folders)?))
}

/// Everything up to a position, into a folder that nobody knows yet.
async fn copy(
    settings: &Settings,
    (store, location): (&Store, &Location),
    part: &Part,
    position: i64,
    (with_keys, archives): (bool, Option<Archives>),
) -> anyhow::Result<(Imported, Replayed)> {
    let mut export = Export::until(store, location, env!("CARGO_PKG_VERSION"), position).await?;
    let header = export.header().clone();
    let key = match &header.keyring {
        Some(_) => Some(master_key(settings)?),
        None => None,
    };
    let own = SecretSlice::from(random_key()?);
    let keys = match &key {
        Some(key) if with_keys => {
            write_key(&part.path().join(KEY), key)?;
            ReplayedKeys::Along { theirs: Some(key.clone()) }
        }
        _ => {
            write_key(&part.path().join(KEY), &own)?;
            // Where nothing was ever sealed, nothing has to be opened.
            let theirs = key.clone().unwrap_or_else(|| own.clone());
            ReplayedKeys::Away { theirs, own }
        }
    };
    let list = settings.data.folder.join(erasures::FILE);
    let erased: Vec<_> = erasures::read(&list)?.into_iter().collect();
    let kept = Kept {
        erased: erased.iter().map(|id| ("user".to_owned(), id.to_string())).collect(),
        persons: erased.iter().copied().collect::<HashSet<_>>(),
        archive,
        archives,
    };
    let mut replayed = Replayed {
        position,
        recorded_at: recorded_at(store, position).await?,
        made_at: world::now(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        keys: matches!(keys, ReplayedKeys::Along { .. }),
        gone: 0,
    };
    let random = Box::new(world::generator()?);
    let mut replay =
        Replay::begin(part.path(), options(part)?, header, (keys, random), kept).await?;
    let mut progress = Progress::of(position);
    let filled = fill(&mut replay, &mut export, &mut progress).await;
    progress.end();
    export.close().await?;
    match filled {
        Ok(imported) => {
            replayed.gone = replay.gone();
            for trouble in replay.troubles() {
                cli::note(trouble);
            }
            replay.complete().await?;
            if !erased.is_empty() {
                erasures::add(&part.path().join(erasures::FILE), &erased)?;
            }
            Ok((imported, replayed))
        }
        Err(error) => {
            replay.abandon().await?;
            Err(error)
        }
    }
}

async fn fill(
    replay: &mut Replay,
    export: &mut Export,
    progress: &mut Progress,
) -> anyhow::Result<Imported> {
    let mut header = true;
    while let Some(lines) = export.next().await? {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if std::mem::take(&mut header) {
                continue;
            }
            let line: Line = serde_json::from_slice(line).context("a line of the log")?;
            replay.line(line).await?;
        }
        progress.at(replay.position());
    }
    progress.then("tables are filled from the events");
    Ok(replay.finish().await?)
}

fn options(part: &Part) -> anyhow::Result<Options> {
    let world = Arc::new(SystemWorld::new()?);
    let location = Location::Sqlite { folder: part.path().to_owned() };
    let mut options = Options::new(location, Arc::new(projections::Catalogue), world);
    options.projections = projections::all();
    // A folder that is half done is thrown away.
    options.durability = store::Durability::Normal;
    Ok(options)
}

/// The archive that an event gives a device.
fn archive(event: &Recorded) -> Option<Sha256> {
    match projections::decode(event).as_deref() {
        Ok(Event::Configuration(ConfigurationEvent::Rendered { archive, .. })) => {
            archive.sha256.parse().ok()
        }
        _ => None,
    }
}

async fn recorded_at(
    store: &Store,
    position: i64,
) -> anyhow::Result<Option<chrono::DateTime<chrono::Utc>>> {
    let last = store.events_at(&[position]).await?;
    Ok(last.first().map(|event| event.recorded_at))
}

fn random_key() -> anyhow::Result<Vec<u8>> {
    let mut bytes = vec![0; 32];
    world::generator()?.fill_bytes(&mut bytes);
    Ok(bytes)
}

fn master_key(settings: &Settings) -> anyhow::Result<SecretSlice<u8>> {
    let path = open::master_key_file(settings);
    let path = path.unwrap_or_else(|| settings.data.folder.join(KEY));
    read_master_key(&path).context("archives are sealed under the master key of the log")
}
