//! `wisptrail restore`: a backup becomes the data of an installation again.
//!
//! Everything that can be wrong with the backup is looked for before anything is written.

mod target;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use secrecy::SecretSlice;
use store::{EventFilter, Keyring, Location, Store, Tip};

use self::target::Target;
use crate::{
    backup::{
        DUMP, KEY, Kind, Manifest, Shown, copy_file, look, restore_command, sound, want_room,
        write_key,
    },
    cli::{self, Place},
    control::Verified,
    data_folder::read_master_key,
    erasures,
    serve::open,
    settings::{self, Settings},
    verify,
};

/// `wisptrail restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    place: Place,
    /// The folder of the backup.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The list of erasures (`erasures` in the former data folder): who is on it is erased again before anything is served.
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
    /// The master key, where the backup has none.
    #[arg(long, value_name = "FILE")]
    master_key: Option<PathBuf>,
}

/// Checks, copies, and verifies what came out. Exit status 1 also when tables have to be filled again.
pub async fn run(args: RestoreArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    let location = open::location(&settings)?;
    let manifest = Manifest::read(&args.folder)?;
    fits_database(&manifest, &location)?;
    Target::check(&settings.data.folder)?;
    let size = check_files(&manifest, &args.folder)?;

    let seen = match &location {
        Location::Sqlite { .. } => {
            let location = Location::Sqlite { folder: args.folder.clone() };
            look(location, Some(&args.folder)).await?
        }
        Location::Postgres { url } => {
            let command = restore_command(url, &args.folder.join(DUMP));
            look(location.clone(), Some(&args.folder)).await.with_context(|| {
                format!("the dump of the database has to be loaded first, into an empty one:\n\n  {command}\n\nand the database says")
            })?
        }
    };
    let checked = async {
        check_log(&seen, &manifest).await?;
        key(&settings, &args, &manifest, &seen).await
    }
    .await;
    seen.close().await;
    let key = checked.context("nothing was written")?;

    let given = erasures::given(args.erasures.as_ref()).context("nothing was written")?;
    let mut target = Target::take(&settings.data.folder)?;
    want_room(&target.part(), size)?;
    put(&target, &manifest, &args.folder, key.as_ref(), size)?;
    target.publish()?;
    let verified = verified(&settings, &location).await.context(
        "everything is in its place, but could not be verified: look with `wisptrail verify`",
    )?;
    let again = erasures::apply_alone(&settings, target.folder(), &given).await.context(
        "everything is in its place, but not everybody who was erased is erased again: the server does it when it starts, or says what is wrong",
    )?;
    target.give_to_owner()?;
    cli::print(&report(&verified, &manifest, &settings.data.folder))?;
    if again > 0 {
        cli::print(&format!(
            "{again} people were erased since the backup was made: they are erased again"
        ))?;
    }
    Ok(if verified.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fits_database(manifest: &Manifest, location: &Location) -> anyhow::Result<()> {
    match (manifest.database, location) {
        (Kind::Sqlite, Location::Sqlite { .. }) | (Kind::Postgres, Location::Postgres { .. }) => {
            Ok(())
        }
        (Kind::Sqlite, Location::Postgres { .. }) => bail!(
            "this is a backup of an embedded database, and the settings name a PostgreSQL: restore it without database.url, and move with `wisptrail export` and `import`"
        ),
        (Kind::Postgres, Location::Sqlite { .. }) => bail!(
            "this is a backup of an installation on PostgreSQL: give the address of the database with --database-url"
        ),
    }
}

/// The bytes of all files, which are what the manifest says.
fn check_files(manifest: &Manifest, folder: &Path) -> anyhow::Result<u64> {
    let size = manifest.files.iter().map(|file| file.size).sum();
    let mut shown = Shown::bytes(size);
    for file in &manifest.files {
        file.check(folder, |bytes| shown.add(&file.name, bytes)).context("nothing was written")?;
    }
    Ok(size)
}

async fn check_log(seen: &Store, manifest: &Manifest) -> anyhow::Result<()> {
    seen.check_opens().await?;
    let tip = seen.tip().await?;
    match manifest.database {
        Kind::Sqlite => {
            if (Tip { head: manifest.head, chain: manifest.chain.clone() }) != tip {
                bail!(
                    "the log of the backup ends at position {}, not with the event that the manifest names (position {}): take another backup",
                    tip.head,
                    manifest.head
                );
            }
        }
        Kind::Postgres => check_dump(seen, manifest, &tip).await?,
    }
    sound(seen, &tip).await
}

/// A dump is made after the rest of the backup: it has the manifest's event, and may have later ones.
async fn check_dump(seen: &Store, manifest: &Manifest, tip: &Tip) -> anyhow::Result<()> {
    let Some(chain) = &manifest.chain else { return Ok(()) };
    let at = seen.events(&EventFilter::default(), chain.position - 1, 1).await?;
    let hash = at.first().and_then(|event| event.hash.as_deref()).map(hex::encode);
    if hash.as_deref() == Some(chain.hash.as_str()) {
        return Ok(());
    }
    if tip.head < chain.position {
        bail!(
            "the database ends at position {}, the backup is of position {}: load the dump that belongs to this backup, into an empty database",
            tip.head,
            manifest.head
        );
    }
    bail!(
        "the database has another event at position {} than the one of this backup: it is another installation's, or went another way since; load the dump that belongs to this backup",
        chain.position
    )
}

/// The key to be put into the data folder; none where the settings name a place for it.
async fn key(
    settings: &Settings,
    args: &RestoreArgs,
    manifest: &Manifest,
    seen: &Store,
) -> anyhow::Result<Option<SecretSlice<u8>>> {
    let kept = args.folder.join(KEY);
    let (path, named) = match (open::master_key_file(settings), &args.master_key) {
        (Some(named), Some(_)) => bail!(
            "the settings name {} as the master key, and the server will read it there: put the key there, and leave out --master-key",
            named.display()
        ),
        (Some(named), None) if manifest.master_key && !named.exists() => bail!(
            "the settings name {} as the master key, where there is none: copy {} there first",
            named.display(),
            kept.display()
        ),
        (Some(named), None) => (named, true),
        (None, Some(given)) => (given.clone(), false),
        (None, None) if manifest.master_key => (kept, false),
        (None, None) => bail!(
            "the backup was made --without-key: give the master key with --master-key FILE (without it, secrets and archives are lost)"
        ),
    };
    let key = read_master_key(&path)?;
    if Keyring::fits(seen, &key).await? == Some(false) {
        bail!(
            "{} is not the master key that this backup was made under: give the right one with --master-key FILE",
            path.display()
        );
    }
    Ok((!named).then_some(key))
}

fn put(
    target: &Target,
    manifest: &Manifest,
    from: &Path,
    key: Option<&SecretSlice<u8>>,
    size: u64,
) -> anyhow::Result<()> {
    let mut shown = Shown::bytes(size);
    for file in &manifest.files {
        copy_file(file, from, &target.part(), |bytes| shown.add(&file.name, bytes))?;
    }
    if let Some(key) = key {
        write_key(&target.part().join(KEY), key)?;
    }
    Ok(())
}

/// What `wisptrail verify` says of the restored data.
async fn verified(settings: &Settings, location: &Location) -> anyhow::Result<Verified> {
    let store = open::open_store(settings).await?;
    let verified = verify::verify(&store, location).await;
    store.close().await;
    verified
}

fn report(verified: &Verified, manifest: &Manifest, folder: &Path) -> String {
    let mut text = format!("position {} is restored in {}", verified.head, folder.display());
    if verified.head != manifest.head {
        let _ = write!(text, " (the backup was made at position {})", manifest.head);
    }
    match &verified.bad {
        None => text.push_str(", the chain fits together"),
        Some((position, reason)) => {
            let _ = write!(text, ", the chain is BROKEN at position {position}: {reason}");
        }
    }
    let projections = &verified.projections;
    if projections.iter().all(|(_, _, _, wrong)| wrong.is_empty()) {
        return text + ", all tables are what the events say\n";
    }
    text.push_str("; these tables are not what the events say, and were not in the backup:\n");
    for (name, ..) in projections.iter().filter(|(_, _, _, wrong)| !wrong.is_empty()) {
        let _ = writeln!(text, "  {name}: run `wisptrail projections rebuild {name}`");
    }
    text
}
