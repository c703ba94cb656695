//! What would be if something were changed, without changing it.
//!
//! A preview is of one device, a dry run of as many as the change reaches. Both let the use case itself decide, up to the
//! moment at which it would append, and compute from what it decided: what a preview accepts or refuses, the change
//! accepts or refuses.

mod change;
mod device_edit;
mod dry_run;
mod fleet_operation;
mod judge;
mod tally;
mod unsaved;

use bytes::Bytes;
use domain::{DeviceId, Event};
use uuid::Uuid;

pub use change::Change;
pub use tally::{ChangedDevice, DistinctDiff, DryRun, FailedDevice};

use crate::{App, By, Failure, work::Rehearsal};

/// Renderings that are shown and not downloaded; see [`App::previews`].
pub struct Previews<'a>(pub(crate) &'a App);

/// A configuration as the files that a device gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedConfiguration {
    /// Name of the device.
    pub name: String,
    /// MD5 of the archive that holds the files, 32 lower-case hexadecimal digits: the checksum that agents compare.
    pub md5: String,
    /// By path. Sensitive: they hold what the configuration holds.
    pub files: Vec<RenderedFile>,
}

/// A file of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// Relative to the root of the device's file system, without a leading slash.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The whole content.
    pub text: String,
}

impl Previews<'_> {
    /// The files of the archive that a device downloads at present, rendered first if an input changed.
    pub async fn rendered(
        &self,
        by: &By,
        device: DeviceId,
    ) -> Result<RenderedConfiguration, Failure> {
        let archive = self.0.configurations().archive_of(by, device).await?;
        let files = files_of(archive.bytes).await?;
        Ok(RenderedConfiguration { name: archive.name, md5: archive.md5, files })
    }

    /// What a use case decided that was called with [`By::rehearsing`], or why it was refused.
    fn decided<T>(
        rehearsal: &Rehearsal,
        outcome: Result<T, Failure>,
    ) -> Result<Vec<(Uuid, Event)>, Failure> {
        match (rehearsal.events()?, outcome) {
            (Some(events), _) => Ok(events),
            (None, Err(failure)) => Err(failure),
            (None, Ok(_)) => Err(Failure::Broken("a rehearsed use case decided nothing".into())),
        }
    }
}

async fn files_of(archive: Bytes) -> Result<Vec<RenderedFile>, Failure> {
    let broken = |error| Failure::Broken(Box::new(error));
    let unpacked = tokio::task::spawn_blocking(move || crate::files_diff::unpack(&archive))
        .await
        .map_err(|error| Failure::Broken(Box::new(error)))?
        .map_err(broken)?;
    let file = |(path, file): (String, crate::files_diff::File)| RenderedFile {
        path,
        mode: file.mode,
        text: String::from_utf8_lossy(&file.contents).into_owned(),
    };
    Ok(unpacked.files.into_iter().map(file).collect())
}
