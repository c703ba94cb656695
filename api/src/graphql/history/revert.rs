//! The way back.

use app::{Cause, Gone, Reads, Reverted};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use domain::DeviceId;
use projections::device::DeviceRow;

use super::{MomentInput, diff::SharedObject, files::FilesDiff};
use crate::graphql::{
    device::Device,
    error::{camel, failure},
    request::{app, by, once},
    scalar::uuid,
    settled::{Settled, settled},
};

/// Which device goes back where.
#[derive(InputObject)]
struct RevertDeviceInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which device.
    id: ID,
    /// The moment whose values are to be present again; the viewer must be allowed to see the device then.
    to: MomentInput,
}

/// A device after it went back.
#[derive(SimpleObject)]
struct RevertDevicePayload {
    /// As it is now.
    device: Device,
    #[graphql(flatten)]
    settled: Settled,
    /// Values that are again what they were: `group`, `backend`, `config`, `variables`, `templates`. Null, as all that
    /// follows, where the request repeats one that was done before: the first answer told it.
    restored: Option<Vec<String>>,
    /// What the device had then and cannot have again.
    gone: Option<Vec<GoneObject>>,
    /// From the archive of that moment to the one of now.
    files: Option<FilesDiff>,
    /// Why the archive is another one than then.
    still_different: Option<Vec<StillDifferent>>,
}

impl RevertDevicePayload {
    fn new(row: DeviceRow, settled: Settled, reverted: Option<Reverted>) -> Self {
        let mut payload = Self {
            device: Device::Now(row),
            settled,
            restored: None,
            gone: None,
            files: None,
            still_different: None,
        };
        if let Some(Reverted { restored, gone, files, still_different, .. }) = reverted {
            let still_different = still_different.into_iter().map(StillDifferent::from);
            payload.restored = Some(restored.into_iter().map(camel).collect());
            payload.gone = Some(gone.into_iter().map(GoneObject::from).collect());
            payload.files = Some(files.into());
            payload.still_different = Some(still_different.collect());
        }
        payload
    }
}

/// What kind of thing is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
enum GoneKind {
    /// A generator that is not offered any more.
    Backend,
    /// A device group; the present one, if any, stays.
    DeviceGroup,
    /// A template.
    Template,
}

/// Something that does not exist any more, or belongs to another organization than the device does now.
#[derive(SimpleObject)]
struct GoneObject {
    /// What it is.
    kind: GoneKind,
    /// Which; null of generators.
    id: Option<ID>,
    /// Its name then.
    name: String,
}

impl From<Gone> for GoneObject {
    fn from(gone: Gone) -> Self {
        let (kind, id, name) = match gone {
            Gone::Backend { name } => (GoneKind::Backend, None, name),
            Gone::Group { id, name } => (GoneKind::DeviceGroup, Some(id.to_string()), name),
            Gone::Template { id, name } => (GoneKind::Template, Some(id.to_string()), name),
        };
        Self { kind, id: id.map(ID::from), name }
    }
}

/// Why an archive is another one than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
enum DifferenceReason {
    /// Something shared that the device has now as then was changed.
    Changed,
    /// Something shared that the device had then it has not now.
    Missing,
    /// Something shared that the device has now it had not then, such as a template that became required.
    Additional,
    /// A value of the device itself that does not go back, such as its name.
    Device,
    /// The generators are of another version.
    Renderer,
}

/// A reason why an archive is another one than it was.
#[derive(SimpleObject)]
struct StillDifferent {
    /// The kind of reason.
    reason: DifferenceReason,
    /// The template, group or organization that it is about; null of other reasons.
    object: Option<SharedObject>,
    /// The device's value that it is about; null of other reasons.
    field: Option<String>,
    /// The files that are as they are because of it; null where that cannot be told.
    files: Option<Vec<FileCount>>,
}

/// How much of a file differs.
#[derive(SimpleObject)]
struct FileCount {
    /// As in the archive.
    path: String,
    /// Lines that it has now and would not have.
    added: usize,
    /// Lines that it would have and has not.
    removed: usize,
}

impl From<app::StillDifferent> for StillDifferent {
    fn from(still: app::StillDifferent) -> Self {
        let (reason, object, field) = match still.cause {
            Cause::Changed(object) => (DifferenceReason::Changed, Some(object), None),
            Cause::Missing(object) => (DifferenceReason::Missing, Some(object), None),
            Cause::Additional(object) => (DifferenceReason::Additional, Some(object), None),
            Cause::Device(field) => (DifferenceReason::Device, None, Some(camel(field))),
            Cause::Renderer => (DifferenceReason::Renderer, None, None),
        };
        let count = |file: app::FileCount| FileCount {
            path: file.path,
            added: file.added,
            removed: file.removed,
        };
        Self {
            reason,
            object: object.map(SharedObject::from),
            field,
            files: still.files.map(|files| files.into_iter().map(count).collect()),
        }
    }
}

#[derive(Default)]
pub(in crate::graphql) struct HistoryMutation;

#[Object]
impl HistoryMutation {
    /// Brings back what a device had of its own at a moment: backend, contents, variables, group and the list of
    /// templates, in one step. Required templates stay, name and addresses are left alone, and what templates, group and
    /// organization hold is not touched: the answer tells what differs because of them.
    #[graphql(complexity = "200 + child_complexity")]
    async fn revert_device(
        &self,
        ctx: &Context<'_>,
        input: RevertDeviceInput,
    ) -> Result<RevertDevicePayload> {
        let id = DeviceId::from_uuid(uuid("id", &input.id)?);
        let to = MomentInput::read(Some(input.to), ctx, "to")?;
        let app = app(ctx)?;
        let mut reverted = None;
        let kept = &mut reverted;
        let done = once(ctx, input.client_mutation_id, |by| async move {
            let came = app.history().revert_device(&by, id, to).await?;
            let done = came.done;
            *kept = Some(came);
            Ok(done)
        })
        .await?;
        let settled = settled(ctx, Reads::Fleet, done.position).await?;
        let row = app.devices().row(by(ctx)?, id).await.map_err(failure)?;
        Ok(RevertDevicePayload::new(row, settled, reverted))
    }
}
