//! What happened to an object, one entry per event.

use chrono::{DateTime, Utc};
use domain::{DeviceId, GroupId, OrganizationId, Permission, TemplateId, UserId};
use store::StreamTail;
use uuid::Uuid;

use super::{History, names::Names, require, sentence::sentence};
use crate::{By, Failure};

/// The most entries on a page.
const MOST: usize = 100;

/// An object that has a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectRef {
    /// A device, with its configuration.
    Device(DeviceId),
    /// A device group.
    Group(GroupId),
    /// An organization.
    Organization(OrganizationId),
    /// A template.
    Template(TemplateId),
    /// An account.
    User(UserId),
}

/// Which part of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// Only what happened before this position: a next page starts at the last entry of the one before.
    pub before: Option<i64>,
    /// Only what happened after this position.
    pub after: Option<i64>,
    /// At most so many, and never more than 100.
    pub limit: usize,
}

/// A page of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// There are older ones that the page has no place for.
    pub more: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where in the log.
    pub position: i64,
    /// Unique for ever.
    pub event_id: Uuid,
    /// Such as `device.renamed`.
    pub event_type: String,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// `user:<id>` | `device:<id>` | `agent:<organization>` | `system:<worker>` | `local:<unix user>`; none for foreign events.
    pub actor: Option<String>,
    /// The request that it came from.
    pub correlation_id: Option<Uuid>,
    /// What made it necessary: `event:<uuid>` | `report:<telemetry position>` | `job:<id>`.
    pub causation: Option<String>,
    /// Whose it was at that time.
    pub organization_id: Option<OrganizationId>,
    /// A phrase that goes on from the object's name, such as `renamed from "a" to "b"`.
    pub sentence: String,
    /// Fields that got new values.
    pub changed: Vec<&'static str>,
}

impl ObjectRef {
    fn id(self) -> Uuid {
        match self {
            Self::Device(id) => id.as_uuid(),
            Self::Group(id) => id.as_uuid(),
            Self::Organization(id) => id.as_uuid(),
            Self::Template(id) => id.as_uuid(),
            Self::User(id) => id.as_uuid(),
        }
    }

    /// Its streams, the one that it begins with first.
    fn streams(self) -> &'static [&'static str] {
        match self {
            Self::Device(_) => &["device", "configuration"],
            Self::Group(_) => &["device_group"],
            Self::Organization(_) => &["organization"],
            Self::Template(_) => &["template"],
            Self::User(_) => &["user"],
        }
    }

    fn model(self) -> &'static str {
        match self {
            Self::Device(_) => crate::devices::MODEL,
            Self::Group(_) => "DeviceGroup",
            Self::Organization(_) => "Organization",
            Self::Template(_) => "Template",
            Self::User(_) => "User",
        }
    }

    fn permission(self) -> Permission {
        match self {
            Self::Device(_) => Permission::ViewDevice,
            Self::Group(_) => Permission::ViewGroup,
            Self::Organization(_) => Permission::ViewOrganization,
            Self::Template(_) => Permission::ViewTemplate,
            Self::User(_) => Permission::ChangeUser,
        }
    }
}

impl History<'_> {
    /// What happened to an object, the newest first; removed objects keep their history.
    ///
    /// Of a device that moved, each organization sees the events of its own time: what happened before the move is not
    /// shown to the new one, what happened from the move on not to the old one. Accounts are for superusers only.
    pub async fn of(
        &self,
        by: &By,
        object: ObjectRef,
        page: HistoryPage,
    ) -> Result<Entries, Failure> {
        let (permission, model) = (object.permission(), object.model());
        by.authority
            .require_anywhere(permission)
            .map_err(|denied| Failure::denied(denied, model))?;
        let organizations = self.theirs(by, object).await?;
        let limit = page.limit.min(MOST);
        let tails: Vec<StreamTail> = object
            .streams()
            .iter()
            .map(|kind| StreamTail {
                aggregate_type: kind,
                aggregate_id: object.id().to_string(),
                after: page.after.unwrap_or(0),
                before: page.before.unwrap_or(i64::MAX),
                organizations: organizations.clone(),
            })
            .collect();
        let mut recorded = self.0.store().newest_of(&tails, limit + 1).await?;
        let more = recorded.len() > limit;
        recorded.truncate(limit);

        let mut events = Vec::with_capacity(recorded.len());
        for event in &recorded {
            let decoded =
                projections::decode(event).map_err(|fault| Failure::Broken(fault.0.into()))?;
            events.push(decoded);
        }
        let newest = recorded.first().map_or(0, |event| event.position);
        let mentioning = events.iter().map(AsRef::as_ref);
        let names = Names::of(self.0.store(), &by.authority, mentioning, newest).await?;
        let entries = recorded.into_iter().zip(&events).map(|(recorded, event)| {
            let said = sentence(event, &names, recorded.position);
            Entry {
                position: recorded.position,
                event_id: recorded.event_id,
                event_type: recorded.event_type,
                at: recorded.recorded_at,
                actor: recorded.actor,
                correlation_id: recorded.correlation_id,
                causation: recorded.causation,
                organization_id: recorded.organization_id.map(OrganizationId::from_uuid),
                sentence: said.text,
                changed: said.changed,
            }
        });
        Ok(Entries { entries: entries.collect(), more })
    }

    /// Whose events of an object the actor may see; none is everybody's. Refuses where that is nothing at all.
    async fn theirs(&self, by: &By, object: ObjectRef) -> Result<Option<Vec<Uuid>>, Failure> {
        let missing = || Failure::NotFound(object.model());
        if matches!(object, ObjectRef::User(_)) && !by.authority.is_unlimited() {
            return Err(Failure::Forbidden);
        }
        let kind = object.streams().first().copied().ok_or_else(missing)?;
        // Devices move; what else there is stays where it was made.
        let moves = matches!(object, ObjectRef::Device(_));
        let visible = by.authority.visible().filter(|_| moves);
        let organizations: Option<Vec<Uuid>> =
            visible.map(|visible| visible.into_iter().map(OrganizationId::as_uuid).collect());
        let last = StreamTail {
            aggregate_type: kind,
            aggregate_id: object.id().to_string(),
            after: 0,
            before: i64::MAX,
            organizations: organizations.clone(),
        };
        let last = self.0.store().newest_of(&[last], 1).await?;
        let last = last.first().ok_or_else(missing)?;
        if !matches!(object, ObjectRef::User(_)) {
            let owner = last.organization_id.map(OrganizationId::from_uuid);
            require(by, object.permission(), owner, object.model())?;
        }
        Ok(organizations)
    }
}
