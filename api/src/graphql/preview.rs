//! Files of configurations: those of now, of the past, and those that a change would make.

use app::{Moment, Reads, RenderedConfiguration, RenderedFile};
use async_graphql::{
    ComplexObject, Context, ID, InputObject, Object, OneofObject, Result, SimpleObject,
};
use domain::DeviceId;

use super::{
    device::{ChangeDeviceInput, CreateDeviceInput},
    error::failure,
    history::{FilesDiff, MomentInput},
    request::{app, by, chosen},
    scalar::{Position, uuid},
    settled::as_new_as,
};

/// A file of a configuration. Sensitive: it holds what the configuration holds.
#[derive(SimpleObject)]
pub(super) struct ConfigurationFile {
    /// Relative to the root of the device's file system, such as `etc/config/network`.
    path: String,
    /// Permission bits, octal, such as `0644`.
    mode: String,
    /// The whole content; what is not UTF-8 is replaced.
    text: String,
}

impl ConfigurationFile {
    /// In their order.
    pub(super) fn all(files: Vec<RenderedFile>) -> Vec<Self> {
        files.into_iter().map(Self::from).collect()
    }
}

impl From<RenderedFile> for ConfigurationFile {
    fn from(file: RenderedFile) -> Self {
        Self { path: file.path, mode: format!("{:04o}", file.mode), text: file.text }
    }
}

/// A device that nobody has saved: under the name of the mutation that would save it, the mutation's input. Ids under which
/// mutations are done once have no meaning here.
#[derive(OneofObject)]
enum PreviewDeviceInput {
    /// A device that is not there yet. An `id` matters where a configuration uses it: left out, it is one by chance.
    CreateDevice(Box<CreateDeviceInput>),
    /// A device with changes. A move to another organization cannot be previewed.
    ChangeDevice(Box<ChangeDeviceInput>),
}

/// What a device would download.
#[derive(SimpleObject)]
#[graphql(complex)]
struct DevicePreview {
    /// Name of the device, as it would be.
    name: String,
    /// Checksum of the archive that it would download, 32 hexadecimal digits.
    md5: String,
    #[graphql(skip)]
    device: Option<DeviceId>,
    #[graphql(skip)]
    rendered: RenderedConfiguration,
}

#[ComplexObject]
impl DevicePreview {
    /// The files that it would download, by path.
    async fn files(&self) -> Vec<ConfigurationFile> {
        ConfigurationFile::all(self.rendered.files.clone())
    }

    /// From what the device downloads now, rendered first if an input changed, to the preview. Of a new device, and of one
    /// that has no archive, everything is added.
    #[graphql(complexity = "50 + child_complexity")]
    async fn diff(&self, ctx: &Context<'_>) -> Result<FilesDiff> {
        let previews = app(ctx)?.previews();
        let found = previews.difference_to_present(by(ctx)?, self.device, &self.rendered).await;
        found.map(FilesDiff::from).map_err(failure)
    }
}

/// A device at a moment.
#[derive(InputObject)]
struct DeviceMomentInput {
    /// Which device.
    device_id: ID,
    /// Left out, it is now: an archive whose inputs changed is rendered first.
    at: Option<MomentInput>,
}

impl DeviceMomentInput {
    async fn read(
        self,
        ctx: &Context<'_>,
        device: &str,
        moment: &'static str,
    ) -> Result<(DeviceId, Moment)> {
        let device = DeviceId::from_uuid(uuid(device, &self.device_id)?);
        let at = match self.at {
            None => Moment::Now,
            at => Moment::Position(MomentInput::position(at, ctx, moment).await?),
        };
        Ok((device, at))
    }
}

#[derive(Default)]
pub(super) struct PreviewQuery;

#[Object]
impl PreviewQuery {
    /// The files that a device would download after changes that nobody has saved. Nothing is stored. What the mutation
    /// would refuse is refused here in the same way, except that values which must be unique may be taken. A device
    /// that would have no configuration is `NOT_FOUND`; contents that make no files are `REFUSED`.
    #[graphql(complexity = "100 + child_complexity")]
    async fn preview_device(
        &self,
        ctx: &Context<'_>,
        input: PreviewDeviceInput,
        min_position: Option<Position>,
    ) -> Result<DevicePreview> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let (app, by) = (app(ctx)?, by(ctx)?);
        let (device, rendered) = match input {
            PreviewDeviceInput::CreateDevice(input) => {
                let id = chosen(input.id.as_ref())?.unwrap_or_else(|| app.new_id());
                (None, app.previews().preview_new(by, input.read(id)?).await)
            }
            PreviewDeviceInput::ChangeDevice(input) => {
                let (id, change) = input.read()?;
                (Some(id), app.previews().preview(by, id, change).await)
            }
        };
        let rendered = rendered.map_err(failure)?;
        let (name, md5) = (rendered.name.clone(), rendered.md5.clone());
        Ok(DevicePreview { name, md5, device, rendered })
    }

    /// How the files of two archives differ: of one device at two moments, or of two devices. The viewer must be allowed to
    /// see each device at its moment. What had no archive is `NOT_FOUND`.
    #[graphql(complexity = "200 + child_complexity")]
    async fn files_diff(
        &self,
        ctx: &Context<'_>,
        from: DeviceMomentInput,
        to: DeviceMomentInput,
        min_position: Option<Position>,
    ) -> Result<FilesDiff> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let from = from.read(ctx, "from.deviceId", "from.at").await?;
        let to = to.read(ctx, "to.deviceId", "to.at").await?;
        let found = app(ctx)?.previews().difference(by(ctx)?, from, to).await;
        found.map(FilesDiff::from).map_err(failure)
    }
}
