//! What happened to an object, one entry per event.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{
    DeviceId, Event, GroupId, OrganizationId, Permission, PermissionGroupId, TemplateId, UserId,
    WebhookId,
};
use store::{Fault, Recorded, StreamTail};
use uuid::Uuid;

use super::{History, fold::Stream, names::Names, require, sentence::sentence};
use crate::{By, Failure, work::cause_position};

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
    /// A group of permissions.
    PermissionGroup(PermissionGroupId),
    /// An address to which events are delivered.
    Webhook(WebhookId),
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
    /// Where the event is that made it necessary, if it was one: see [`History::causes`].
    pub cause: Option<i64>,
    /// Whose it was at that time.
    pub organization_id: Option<OrganizationId>,
    /// A phrase that goes on from the object's name, such as `renamed from "a" to "b"`.
    pub sentence: String,
    /// Fields that got new values.
    pub changed: Vec<&'static str>,
}

/// An event that others follow from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CausingEvent {
    /// The event.
    pub entry: Entry,
    /// What it happened to.
    pub object: ObjectRef,
    /// What that was called; none where names are nobody's business.
    pub name: Option<String>,
}

impl ObjectRef {
    fn of(aggregate_type: &str, id: Uuid) -> Option<Self> {
        Some(match aggregate_type {
            "device" | "configuration" => Self::Device(DeviceId::from_uuid(id)),
            "device_group" => Self::Group(GroupId::from_uuid(id)),
            "organization" => Self::Organization(OrganizationId::from_uuid(id)),
            "template" => Self::Template(TemplateId::from_uuid(id)),
            "user" => Self::User(UserId::from_uuid(id)),
            "permission_group" => Self::PermissionGroup(PermissionGroupId::from_uuid(id)),
            "webhook" => Self::Webhook(WebhookId::from_uuid(id)),
            _ => return None,
        })
    }

    /// The stream that gives it its name.
    fn stream(self) -> Option<Stream> {
        let named = !matches!(self, Self::User(_));
        self.streams().first().filter(|_| named).map(|kind| (*kind, self.id()))
    }

    fn id(self) -> Uuid {
        match self {
            Self::Device(id) => id.as_uuid(),
            Self::Group(id) => id.as_uuid(),
            Self::Organization(id) => id.as_uuid(),
            Self::Template(id) => id.as_uuid(),
            Self::User(id) => id.as_uuid(),
            Self::PermissionGroup(id) => id.as_uuid(),
            Self::Webhook(id) => id.as_uuid(),
        }
    }

    /// Can it belong to all organizations, always or for some time?
    fn may_be_shared(self) -> bool {
        matches!(self, Self::Template(_))
    }

    /// Its streams, the one that it begins with first.
    fn streams(self) -> &'static [&'static str] {
        match self {
            Self::Device(_) => &["device", "configuration"],
            Self::Group(_) => &["device_group"],
            Self::Organization(_) => &["organization"],
            Self::Template(_) => &["template"],
            Self::User(_) => &["user"],
            Self::PermissionGroup(_) => &["permission_group"],
            Self::Webhook(_) => &["webhook"],
        }
    }

    fn model(self) -> &'static str {
        match self {
            Self::Device(_) => crate::devices::MODEL,
            Self::Group(_) => "DeviceGroup",
            Self::Organization(_) => "Organization",
            Self::Template(_) => "Template",
            Self::User(_) => "User",
            Self::PermissionGroup(_) => crate::permission_groups::MODEL,
            Self::Webhook(_) => crate::webhooks::MODEL,
        }
    }

    fn permission(self) -> Permission {
        match self {
            Self::Device(_) => Permission::ViewDevice,
            Self::Group(_) => Permission::ViewGroup,
            Self::Organization(_) => Permission::ViewOrganization,
            Self::Template(_) => Permission::ViewTemplate,
            Self::User(_) => Permission::ChangeUser,
            Self::PermissionGroup(_) => Permission::ViewPermissionGroup,
            Self::Webhook(_) => Permission::ViewWebhook,
        }
    }

    /// Is it for superusers alone where nobody owns it?
    fn is_the_installations(self) -> bool {
        matches!(self, Self::User(_) | Self::Webhook(_))
    }
}

impl History<'_> {
    /// What happened to an object, the newest first; removed objects keep their history.
    ///
    /// Of a device or template that moved, each organization sees the events of its own time: what happened before the move is not
    /// shown to the new one, what happened from the move on not to the old one; what happened while a template was shared, everybody who may see
    /// templates. Accounts are for superusers only.
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
                shared: object.may_be_shared(),
            })
            .collect();
        let mut recorded = self.0.store().newest_of(&tails, limit + 1).await?;
        let more = recorded.len() > limit;
        recorded.truncate(limit);

        let events = decoded(&recorded)?;
        let newest = recorded.first().map_or(0, |event| event.position);
        let mentioning = events.iter().map(AsRef::as_ref);
        let names = Names::of(self.0.store(), &by.authority, mentioning, &[], newest).await?;
        let entries = recorded.into_iter().zip(&events);
        let entries = entries.map(|(recorded, event)| entry(recorded, event, &names)).collect();
        Ok(Entries { entries, more })
    }

    /// The events at these positions that the actor may see, with what they happened to; at most 1000. For those who saw
    /// an event that names one of them as its cause: shared templates are everybody's, accounts superusers' alone.
    pub async fn causes(&self, by: &By, positions: &[i64]) -> Result<Vec<CausingEvent>, Failure> {
        let recorded = self.0.store().events_at(positions).await?;
        let mut seen = Vec::with_capacity(recorded.len());
        for event in recorded {
            let id = event.aggregate_id.parse().ok();
            let object = id.and_then(|id| ObjectRef::of(&event.aggregate_type, id));
            let Some(object) = object else { continue };
            let owner = event.organization_id.map(OrganizationId::from_uuid);
            let hidden =
                owner.is_none() && object.is_the_installations() && !by.authority.is_unlimited();
            if !hidden && by.authority.require(object.permission(), owner).is_ok() {
                seen.push((object, event));
            }
        }
        let (objects, recorded): (Vec<ObjectRef>, Vec<Recorded>) = seen.into_iter().unzip();
        let events = decoded(&recorded)?;
        let newest = recorded.last().map_or(0, |event| event.position);
        let mentioning = events.iter().map(AsRef::as_ref);
        let streams: Vec<Stream> = objects.iter().filter_map(|object| object.stream()).collect();
        let names = Names::of(self.0.store(), &by.authority, mentioning, &streams, newest).await?;
        let causes = objects.into_iter().zip(recorded.into_iter().zip(&events));
        Ok(causes
            .map(|(object, (recorded, event))| CausingEvent {
                object,
                name: names.of_object(object.id(), recorded.position),
                entry: entry(recorded, event, &names),
            })
            .collect())
    }

    /// Whose events of an object the actor may see; none is everybody's. Refuses where that is nothing at all.
    async fn theirs(&self, by: &By, object: ObjectRef) -> Result<Option<Vec<Uuid>>, Failure> {
        let missing = || Failure::NotFound(object.model());
        if matches!(object, ObjectRef::User(_)) && !by.authority.is_unlimited() {
            return Err(Failure::Forbidden);
        }
        let kind = object.streams().first().copied().ok_or_else(missing)?;
        // Devices and templates move; what else there is stays where it was made.
        let moves = matches!(object, ObjectRef::Device(_) | ObjectRef::Template(_));
        let visible = by.authority.visible().filter(|_| moves);
        let organizations: Option<Vec<Uuid>> =
            visible.map(|visible| visible.into_iter().map(OrganizationId::as_uuid).collect());
        let last = StreamTail {
            aggregate_type: kind,
            aggregate_id: object.id().to_string(),
            after: 0,
            before: i64::MAX,
            organizations: organizations.clone(),
            shared: object.may_be_shared(),
        };
        let last = self.0.store().newest_of(&[last], 1).await?;
        let last = last.first().ok_or_else(missing)?;
        if !matches!(object, ObjectRef::User(_)) {
            let owner = last.organization_id.map(OrganizationId::from_uuid);
            if owner.is_none() && object.is_the_installations() && !by.authority.is_unlimited() {
                return Err(missing());
            }
            require(by, object.permission(), owner, object.model())?;
        }
        Ok(organizations)
    }
}

fn decoded(recorded: &[Recorded]) -> Result<Vec<Arc<Event>>, Failure> {
    let decode = |event| projections::decode(event);
    let events: Result<_, _> = recorded.iter().map(decode).collect();
    events.map_err(|fault: Fault| Failure::Broken(fault.0.into()))
}

fn entry(recorded: Recorded, event: &Event, names: &Names) -> Entry {
    let said = sentence(event, names, recorded.position);
    Entry {
        position: recorded.position,
        event_id: recorded.event_id,
        event_type: recorded.event_type,
        at: recorded.recorded_at,
        actor: recorded.actor,
        correlation_id: recorded.correlation_id,
        causation: recorded.causation,
        cause: cause_position(&recorded.metadata),
        organization_id: recorded.organization_id.map(OrganizationId::from_uuid),
        sentence: said.text,
        changed: said.changed,
    }
}
