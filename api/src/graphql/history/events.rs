//! Histories: lists of events, the newest first.

use app::{Entry, Failure, HistoryPage, ObjectRef};
use async_graphql::{
    Context, ID, Result, SimpleObject,
    connection::{Connection, Edge},
};
use chrono::{DateTime, Utc};
use domain::{DeviceId, GroupId, OrganizationId, PermissionGroupId, TemplateId, UserId, WebhookId};
use uuid::Uuid;

use crate::graphql::{
    error::{camel, failure, refused},
    request::{app, by},
    scalar::Position,
};

/// Events of a page where nobody says how many.
const USUAL: usize = 20;
/// Events of a page at most.
const MOST: usize = 100;

/// A page of a history; cursors are positions.
pub(in crate::graphql) type EventList = Connection<i64, HistoryEvent>;

/// Something that happened.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct HistoryEvent {
    /// Where in the log; the object as it was then is had with `at: { position: … }`.
    position: Position,
    /// Unique for ever.
    event_id: ID,
    /// Such as `device.renamed`.
    #[graphql(name = "type")]
    event_type: String,
    /// When it was recorded.
    at: DateTime<Utc>,
    /// Who did it: `user:<id>`, `device:<id>`, `agent:<organization>`, `system:<worker>` or `local:<unix user>`; null where
    /// that was not recorded.
    actor: Option<String>,
    /// The request that it came from.
    correlation_id: Option<ID>,
    /// What made it necessary: `event:<id>`, `report:<number>` or `job:<id>`; null where somebody just wanted it.
    pub(super) causation: Option<String>,
    #[graphql(skip)]
    pub(super) cause_position: Option<i64>,
    /// Whose the object was at that time; null is shared by all organizations.
    organization_id: Option<ID>,
    /// What happened, as a phrase that goes on from the object's name: `renamed from "a" to "b"`.
    sentence: String,
    /// Fields that got new values.
    changed: Vec<String>,
}

impl From<Entry> for HistoryEvent {
    fn from(entry: Entry) -> Self {
        Self {
            position: Position(entry.position),
            event_id: entry.event_id.to_string().into(),
            event_type: entry.event_type,
            at: entry.at,
            actor: entry.actor,
            correlation_id: entry.correlation_id.map(|id| id.to_string().into()),
            causation: entry.causation,
            cause_position: entry.cause,
            organization_id: entry.organization_id.map(|id| id.to_string().into()),
            sentence: entry.sentence,
            changed: entry.changed.into_iter().map(camel).collect(),
        }
    }
}

/// The arguments of every history.
#[derive(Debug)]
pub(in crate::graphql) struct Events {
    pub(in crate::graphql) first: Option<i32>,
    pub(in crate::graphql) after: Option<String>,
    pub(in crate::graphql) before: Option<String>,
}

impl Events {
    /// What happened to an object, up to the position that it is shown at.
    pub(in crate::graphql) async fn of(
        self,
        ctx: &Context<'_>,
        object: ObjectRef,
        shown_at: Option<i64>,
    ) -> Result<EventList> {
        let mut page = self.page()?;
        if let Some(last) = shown_at {
            let end = last.saturating_add(1);
            page.before = Some(page.before.map_or(end, |before| before.min(end)));
        }
        self.list(ctx, &[object], page).await
    }

    /// The history of the one of these that there is.
    pub(super) async fn of_any(
        self,
        ctx: &Context<'_>,
        objects: &[ObjectRef],
    ) -> Result<EventList> {
        let page = self.page()?;
        self.list(ctx, objects, page).await
    }

    fn page(&self) -> Result<HistoryPage> {
        let limit = match self.first {
            None => USUAL,
            Some(first) => {
                let wanted = usize::try_from(first);
                wanted.map_err(|_| refused("first", "must not be negative"))?.min(MOST)
            }
        };
        let position = |field, cursor: &Option<String>| {
            let wrong = || refused(field, "is not a cursor of a history: these are positions");
            let Some(cursor) = cursor else { return Ok(None) };
            let position = cursor.parse::<i64>().ok().filter(|position| *position >= 0);
            position.map(Some).ok_or_else(wrong)
        };
        // The newest come first: what is after a place in the list happened before it.
        Ok(HistoryPage {
            before: position("after", &self.after)?,
            after: position("before", &self.before)?,
            limit,
        })
    }

    async fn list(
        &self,
        ctx: &Context<'_>,
        objects: &[ObjectRef],
        page: HistoryPage,
    ) -> Result<EventList> {
        let history = app(ctx)?.history();
        for object in objects {
            match history.of(by(ctx)?, *object, page).await {
                Ok(found) => {
                    let mut list = Connection::new(self.after.is_some(), found.more);
                    list.edges = found
                        .entries
                        .into_iter()
                        .map(|entry| Edge::new(entry.position, HistoryEvent::from(entry)))
                        .collect();
                    return Ok(list);
                }
                // What may not be seen does not exist; the id may be something else's.
                Err(Failure::NotFound(_) | Failure::Forbidden) => {}
                Err(other) => return Err(failure(other)),
            }
        }
        Err(failure(Failure::NotFound("Object")))
    }
}

/// What an id may belong to, the most likely first.
pub(super) fn objects(id: Uuid) -> [ObjectRef; 7] {
    [
        ObjectRef::Device(DeviceId::from_uuid(id)),
        ObjectRef::Template(TemplateId::from_uuid(id)),
        ObjectRef::Group(GroupId::from_uuid(id)),
        ObjectRef::Organization(OrganizationId::from_uuid(id)),
        ObjectRef::User(UserId::from_uuid(id)),
        ObjectRef::PermissionGroup(PermissionGroupId::from_uuid(id)),
        ObjectRef::Webhook(WebhookId::from_uuid(id)),
    ]
}
