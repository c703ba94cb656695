//! `wisptrail archive`: old parts of the log in files that prove themselves. They are copies; of contents that the log keeps for a
//! while only, they are what is left.

mod due;
mod make;
mod worker;

use std::{
    path::{self, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use store::{Bound, Replayed};

pub(crate) use self::make::Archiver;
pub use self::worker::MakeArchives;
use crate::{
    cli::{self, Place},
    control::{Answer, Connection, Request},
    log::Alone,
    serve::open,
    settings::{self, Settings},
};

/// `wisptrail archive`.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    #[command(flatten)]
    place: Place,
    /// Events before this one are archived: a position such as 4711, or a moment (RFC 3339) that they were recorded before.
    #[arg(long, value_name = "TIME|POSITION", value_parser = bound)]
    before: String,
    /// The folder that the files are made in (`archive.folder`).
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// From the beginning of the log, whatever is in archives elsewhere: for new copies. What has left the log since is not in them.
    #[arg(long)]
    again: bool,
}

/// What is to be archived.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Position or moment behind the last event.
    pub before: String,
    /// Where the files are made.
    pub into: PathBuf,
    /// From the beginning, and without counting for what the log still has to keep?
    pub again: bool,
}

fn bound(text: &str) -> Result<String, &'static str> {
    text.parse::<Bound>().map(|_| text.to_owned())
}

/// Archives beside a running server through its control socket, else by opening the log.
pub async fn run(args: ArchiveArgs) -> anyhow::Result<ExitCode> {
    let ArchiveArgs { place, before, into, again } = args;
    let settings = settings::load(&place, None, false)?.settings;
    if Replayed::of(&settings.data.folder)?.is_some() {
        bail!("{} shows what was: archive the log itself", settings.data.folder.display());
    }
    let into = into.or_else(|| folder(&settings));
    let into = into.context("where? name a folder with --into, or in archive.folder")?;
    // The server may have been started elsewhere.
    let into = path::absolute(into).context("cannot tell where the folder is")?;
    let order = Order { before, into, again };
    let request = Request::Archive(order.clone());
    if let Some(mut connection) = Connection::ask(&settings.data.folder, &request).await? {
        while let Some(answer) = connection.next().await? {
            match answer {
                Answer::Text(text) => cli::print(&text)?,
                _ => bail!("the server's answer is not understood"),
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let log = Alone::open(&settings).await?;
    let outcome = async {
        let keyring = open::keyring_alone(&settings, &log.store).await?;
        let archiver = Archiver::alone(&log, keyring);
        archiver.make(&order, async |text| cli::print(&text).is_ok()).await
    }
    .await;
    log.store.close().await;
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// Where the server makes archives by itself; none where it does not.
pub(crate) fn folder(settings: &Settings) -> Option<PathBuf> {
    let folder = &settings.archive.folder;
    (!folder.as_os_str().is_empty()).then(|| folder.clone())
}
