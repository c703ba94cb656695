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
mod sample;
mod tally;
mod unsaved;

use bytes::Bytes;
use domain::{DeviceId, Event};
use uuid::Uuid;

pub use change::Change;
pub use tally::{ChangedDevice, DistinctDiff, DryRun, FailedDevice};

use crate::{
    App, Archive, By, Failure, FilesDiff, Moment, Refusal, key_mask::KeyMask, work::Rehearsal,
};

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
    /// The same as a gzipped tar.
    pub archive: Bytes,
}

/// A file of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// Relative to the root of the device's file system, without a leading slash.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The whole content. What nobody has saved, and what is shown to somebody who may not see secrets, has `{{ key }}` in the
    /// place of the device's key, in paths too.
    pub text: String,
}

impl Previews<'_> {
    /// The files of the archive that a device downloads at present, rendered first if an input changed.
    pub async fn rendered(
        &self,
        by: &By,
        device: DeviceId,
    ) -> Result<RenderedConfiguration, Failure> {
        self.rendered_at(by, device, Moment::Now).await
    }

    /// The files of the archive that a device had at a moment (field `at`); for now see [`Previews::rendered`].
    pub async fn rendered_at(
        &self,
        by: &By,
        device: DeviceId,
        at: Moment,
    ) -> Result<RenderedConfiguration, Failure> {
        let Archive { name, bytes, md5, .. } = self.archive(by, device, at).await?;
        let files = files_of(bytes.clone()).await?;
        Ok(RenderedConfiguration { name, md5, files, archive: bytes })
    }

    /// How the files of two archives differ, of one device at two moments or of two devices.
    pub async fn difference(
        &self,
        by: &By,
        (one, one_at): (DeviceId, Moment),
        (other, other_at): (DeviceId, Moment),
    ) -> Result<FilesDiff, Failure> {
        let before = self.archive(by, one, one_at).await?.bytes;
        let after = self.archive(by, other, other_at).await?.bytes;
        crate::files_diff::computed(Some(before), Some(after)).await
    }

    /// What a preview changes in the files that a device downloads at present. No device, and one whose inputs never made an
    /// archive, have no files.
    pub async fn difference_to_present(
        &self,
        by: &By,
        device: Option<DeviceId>,
        preview: &RenderedConfiguration,
    ) -> Result<FilesDiff, Failure> {
        let mut mask = KeyMask::default();
        let present = match device {
            None => None,
            Some(id) => {
                // Who may not see the device learns nothing from what follows.
                let row = self.0.devices().row(by, id).await?;
                mask = self.0.key_mask(id, vec![(row.organization_id, row.key)]).await?;
                match self.0.configurations().downloaded(by, id).await {
                    Ok((_, archive)) => Some(archive.bytes),
                    Err(
                        Failure::NotFound(_) | Failure::Refused(Refusal::TemplateConflict { .. }),
                    ) => None,
                    Err(failure) => return Err(failure),
                }
            }
        };
        let after = Some(preview.archive.clone());
        crate::files_diff::computed_without_key(present, after, mask).await
    }

    async fn archive(&self, by: &By, device: DeviceId, at: Moment) -> Result<Archive, Failure> {
        match at {
            Moment::Now => self.0.configurations().archive_of(by, device).await,
            at => Ok(self.0.history().archive_at(by, device, at).await?.0),
        }
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
    let file = |(path, file): (String, netjson::File)| RenderedFile {
        path,
        mode: file.mode,
        text: String::from_utf8_lossy(&file.contents).into_owned(),
    };
    Ok(unpacked.files.into_iter().map(file).collect())
}
