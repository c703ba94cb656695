//! Any moment of the past: objects as they were, what happened to them, how two moments differ, and the way back.
//!
//! Whose a moment is: the organization that had the device *then* is asked about. Who may see its devices now sees
//! that time, whatever became of the device since; who may not, does not, even where the device is theirs now. So when
//! a device moves, its time before the move stays with the organization it left, and its time from the move on is the
//! new one's. Removed devices are there for those who may see their last organization.

mod at;
mod blame;
mod diff;
mod entries;
mod fold;
mod lists;
mod names;
mod revert;
mod sentence;
mod whole;

use domain::{DeviceId, Document, GroupId, OrganizationId, Permission, TemplateId};
use store::StreamTail;
use uuid::Uuid;

pub use at::{ArchiveAt, ConfigurationAt, DeviceAt, GroupAt, GroupLink, TemplateAt, TemplateLink};
pub use blame::{Blamed, BlamedSource, BlamedVariable, VariableSource};
pub use diff::{DeviceDiff, FieldChange, SharedChange, SharedObject};
pub use entries::{CausingEvent, Entries, Entry, HistoryPage, ObjectRef};
pub use lists::PastFilter;
pub use revert::{Cause, FileCount, Gone, Reverted, StillDifferent};

use self::{
    fold::{DevicePast, OrganizationPast, Past as _, fold},
    whole::Whole,
};
use crate::{App, Archive, By, Failure, Moment, devices};

/// Use cases of the past; see [`App::history`].
pub struct History<'a>(pub(crate) &'a App);

impl History<'_> {
    /// A device as it was at a moment (field `at`). What did not exist then, or was another organization's, is not found.
    pub async fn device_at(&self, by: &By, id: DeviceId, at: Moment) -> Result<DeviceAt, Failure> {
        Ok(self.whole(by, id, at, "at").await?.shown())
    }

    /// The archive that a device had at a moment (field `at`), byte for byte, and the position that its inputs were read at. Who
    /// may not see secrets is shown it without the device's key.
    pub async fn archive_at(
        &self,
        by: &By,
        id: DeviceId,
        at: Moment,
    ) -> Result<(Archive, i64), Failure> {
        let whole = self.whole(by, id, at, "at").await?;
        let archive = self.archive_of(by, &whole).await?;
        archive.ok_or(Failure::NotFound("Config"))
    }

    /// A template as it was at a moment (field `at`).
    pub async fn template_at(
        &self,
        by: &By,
        id: TemplateId,
        at: Moment,
    ) -> Result<TemplateAt, Failure> {
        const MODEL: &str = "Template";
        let position = self.moment(by, Permission::ViewTemplate, MODEL, at).await?;
        self.was_there(
            by,
            (Permission::ViewTemplate, MODEL),
            (TemplateAt::KIND, id.as_uuid()),
            position,
        )
        .await?;
        let past = fold::<TemplateAt>(self.0.store(), id.as_uuid(), position).await?;
        let past = past.ok_or(Failure::NotFound(MODEL))?;
        require(by, Permission::ViewTemplate, past.organization_id, MODEL)?;
        Ok(past)
    }

    /// A device group as it was at a moment (field `at`).
    pub async fn group_at(&self, by: &By, id: GroupId, at: Moment) -> Result<GroupAt, Failure> {
        const MODEL: &str = "DeviceGroup";
        let position = self.moment(by, Permission::ViewGroup, MODEL, at).await?;
        self.was_there(by, (Permission::ViewGroup, MODEL), (GroupAt::KIND, id.as_uuid()), position)
            .await?;
        let past = fold::<GroupAt>(self.0.store(), id.as_uuid(), position).await?;
        let past = past.ok_or(Failure::NotFound(MODEL))?;
        require(by, Permission::ViewGroup, Some(past.organization_id), MODEL)?;
        Ok(past)
    }

    /// The configuration variables of an organization at a moment (field `at`).
    pub async fn organization_variables_at(
        &self,
        by: &By,
        id: OrganizationId,
        at: Moment,
    ) -> Result<Document, Failure> {
        const MODEL: &str = "Organization";
        let position = self.moment(by, Permission::ViewOrganization, MODEL, at).await?;
        require(by, Permission::ViewOrganization, Some(id), MODEL)?;
        let past = fold::<OrganizationPast>(self.0.store(), id.as_uuid(), position).await?;
        Ok(past.ok_or(Failure::NotFound(MODEL))?.variables)
    }

    /// The device at a moment, if the actor may see that moment.
    async fn whole(
        &self,
        by: &By,
        id: DeviceId,
        at: Moment,
        field: &'static str,
    ) -> Result<Whole, Failure> {
        by.authority
            .require_anywhere(Permission::ViewDevice)
            .map_err(|denied| Failure::denied(denied, devices::MODEL))?;
        let position = at.resolve(self.0.store(), field).await?;
        let device = (Permission::ViewDevice, devices::MODEL);
        self.was_there(by, device, (DevicePast::KIND, id.as_uuid()), position).await?;
        let whole = Whole::read(self.0.store(), id, position).await?;
        let whole = whole.ok_or(Failure::NotFound(devices::MODEL))?;
        let owner = Some(whole.device.organization_id);
        require(by, Permission::ViewDevice, owner, devices::MODEL)?;
        Ok(whole)
    }

    /// Was it there for the actor, at any time up to a position? One small question before everything is read, so that what
    /// belongs to others costs no more than what never was. Devices move: of these it is one of several answers.
    async fn was_there(
        &self,
        by: &By,
        (permission, model): (Permission, &'static str),
        (kind, id): (&'static str, Uuid),
        position: i64,
    ) -> Result<(), Failure> {
        let moves = kind == DevicePast::KIND;
        let visible = by.authority.visible().filter(|_| moves);
        let organizations =
            visible.map(|visible| visible.into_iter().map(OrganizationId::as_uuid).collect());
        let last = StreamTail {
            aggregate_type: kind,
            aggregate_id: id.to_string(),
            after: 0,
            before: position.saturating_add(1),
            organizations,
            shared: false,
        };
        let last = self.0.store().newest_of(&[last], 1).await?;
        let last = last.first().ok_or(Failure::NotFound(model))?;
        if moves {
            return Ok(());
        }
        require(by, permission, last.organization_id.map(OrganizationId::from_uuid), model)
    }

    /// The archive as the actor may see it. The blob belongs to the organization that had the device then: a move copies it.
    async fn archive_of(&self, by: &By, whole: &Whole) -> Result<Option<(Archive, i64)>, Failure> {
        let held = whole.configuration.as_ref().and_then(|own| own.archive.as_ref());
        let Some(held) = held else { return Ok(None) };
        let (owner, archive) = (whole.device.organization_id, &held.rendered);
        let configurations = self.0.configurations();
        let found =
            configurations.archive(owner, &whole.device.name, &archive.sha256, &archive.md5);
        let (device, keys) = ((whole.id, owner), whole.device.keys.clone());
        let shown = self.0.shown(by, device, keys, found.await?).await?;
        Ok(Some((shown, archive.inputs_position)))
    }

    async fn moment(
        &self,
        by: &By,
        permission: Permission,
        model: &'static str,
        at: Moment,
    ) -> Result<i64, Failure> {
        by.authority
            .require_anywhere(permission)
            .map_err(|denied| Failure::denied(denied, model))?;
        at.resolve(self.0.store(), "at").await
    }
}

/// What another organization owns does not exist.
fn require(
    by: &By,
    permission: Permission,
    organization: Option<OrganizationId>,
    model: &'static str,
) -> Result<(), Failure> {
    by.authority.require(permission, organization).map_err(|denied| Failure::denied(denied, model))
}
