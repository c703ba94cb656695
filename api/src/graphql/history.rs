//! The past: objects as they were, what happened to them, how moments differ, and the way back.

mod cause;
mod diff;
mod events;
mod files;
mod moment;
mod revert;

use app::{Archive, Failure, Reads, store::Sha256};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::DeviceId;

pub(super) use cause::HistoryCause;
pub(super) use events::{EventList, Events};
pub(super) use files::FilesDiff;
pub(super) use moment::{MomentInput, cost};
pub(super) use revert::HistoryMutation;

use self::{diff::DeviceDiff, events::objects};
use super::{
    connection,
    error::{failure, refused},
    request::{app, by},
    scalar::{Position, uuid},
    settled::as_new_as,
};

/// What can only be asked about the present.
pub(super) fn not_then(field: &str) -> async_graphql::Error {
    refused(field, "is known of the present only: ask without `at`")
}

/// What lists of the past are not narrowed or ordered by.
pub(super) fn not_of_the_past(field: &str, known: &str) -> async_graphql::Error {
    let sentence = format!(
        "can only be {known} together with asOf: an installation of that time, which `wisptrail replay` builds, answers everything"
    );
    refused(field, &sentence)
}

/// Lists of the past have one order.
pub(super) fn in_order_of_creation(created: bool, descending: Option<bool>) -> Result<()> {
    if !created {
        return Err(not_of_the_past("orderBy", "CREATED"));
    }
    if descending.unwrap_or_default() {
        return Err(not_of_the_past("descending", "false (ask for the last ones)"));
    }
    Ok(())
}

/// What it costs to list the past, beside its rows.
pub(super) fn list_cost(as_of: Option<&MomentInput>) -> usize {
    if as_of.is_some() { 500 } else { 0 }
}

/// What another object of the past refers to; what may not be seen does not exist.
pub(super) fn visible<T>(found: Result<T, Failure>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Failure::NotFound(_) | Failure::Forbidden) => Ok(None),
        Err(other) => Err(failure(other)),
    }
}

/// An archive with its contents: byte for byte as the device downloaded it, unless `masked`.
#[derive(SimpleObject)]
struct DeviceConfigurationArchive {
    /// Of what the device downloaded, 32 hexadecimal digits.
    md5: String,
    /// Of these bytes, 64 hexadecimal digits.
    sha256: String,
    /// In bytes, before Base64.
    size: u64,
    /// Position of the log that it was computed from.
    inputs_position: Position,
    /// Has it the device's key in it, and the viewer no `see_secrets`? Then `{{ key }}` stands in the key's place, and the bytes
    /// are others than those that the device downloaded.
    masked: bool,
    /// The gzipped tar in Base64, with padding.
    base64: String,
}

impl DeviceConfigurationArchive {
    fn of((archive, inputs_position): (Archive, i64)) -> Self {
        Self {
            md5: archive.md5,
            sha256: Sha256::of(&archive.bytes).to_string(),
            size: archive.bytes.len() as u64,
            inputs_position: Position(inputs_position),
            masked: archive.masked,
            base64: BASE64_STANDARD.encode(&archive.bytes),
        }
    }
}

#[derive(Default)]
pub(super) struct HistoryQuery;

#[Object]
impl HistoryQuery {
    /// The archive that a device had at a moment; without one the archive that it downloads now. A device that had none
    /// is `NOT_FOUND`. `GET /api/v1/controller/device/{id}/configuration/?at=` answers with the bytes themselves.
    #[graphql(complexity = "100 + child_complexity")]
    async fn device_configuration_archive(
        &self,
        ctx: &Context<'_>,
        id: ID,
        at: Option<MomentInput>,
        min_position: Option<Position>,
    ) -> Result<DeviceConfigurationArchive> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let id = DeviceId::from_uuid(uuid("id", &id)?);
        let at = MomentInput::read(at, ctx, "at")?;
        let found = app(ctx)?.history().archive_at(by(ctx)?, id, at).await;
        Ok(DeviceConfigurationArchive::of(found.map_err(failure)?))
    }

    /// How a device differs between two moments, in any order. The viewer must be allowed to see the device at both; what
    /// is not theirs, or was not at that moment, is `NOT_FOUND`.
    #[graphql(complexity = "200 + child_complexity")]
    async fn device_diff(
        &self,
        ctx: &Context<'_>,
        id: ID,
        from: MomentInput,
        #[graphql(desc = "Left out, it is now.")] to: Option<MomentInput>,
        min_position: Option<Position>,
    ) -> Result<DeviceDiff> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let id = DeviceId::from_uuid(uuid("id", &id)?);
        let from = MomentInput::read(Some(from), ctx, "from")?;
        let to = MomentInput::read(to, ctx, "to")?;
        let found = app(ctx)?.history().diff(by(ctx)?, id, from, to).await;
        Ok(DeviceDiff::from(found.map_err(failure)?))
    }

    /// What happened to an object, the newest first; also to one that was removed. Objects are devices with their
    /// configurations, groups, templates, organizations, and, for superusers, accounts. Of a device that moved, each
    /// organization sees the events of its own time.
    #[graphql(complexity = "connection::cost(first, None, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        object_id: ID,
        #[graphql(desc = "Events on the page: 20 if left out, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "A cursor: only older events.")] after: Option<String>,
        #[graphql(desc = "A cursor: only newer events.")] before: Option<String>,
        min_position: Option<Position>,
    ) -> Result<EventList> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let events = Events { first, after, before };
        events.of_any(ctx, &objects(uuid("objectId", &object_id)?)).await
    }
}
