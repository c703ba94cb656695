//! `events`: the log as it is written.

use app::{Confidential, EventsLive, EventsPage, EventsSelection, LiveEvent};
use async_graphql::{Context, ID, InputObject, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use domain::OrganizationId;
use futures::{StreamExt as _, stream};

use super::{Answers, ended, listener, progress};
use crate::graphql::{
    error::failure,
    request::app,
    scalar::{JsonObject, Position, uuid, uuids},
};

/// Which events are told. What is left out selects everything; what is given must hold all together.
#[derive(Clone, Debug, Default, InputObject)]
struct EventsFilter {
    /// Of streams of these kinds, such as `device`; at most 100.
    aggregate_types: Option<Vec<String>>,
    /// Of the streams with this id; a device and its configuration have the same.
    aggregate_id: Option<ID>,
    /// Of these types, such as `device.renamed`; at most 100.
    types: Option<Vec<String>>,
    /// Of these organizations; at most 100. Those that the viewer may not see have no events.
    organization_ids: Option<Vec<ID>>,
}

impl EventsFilter {
    fn read(self) -> Result<EventsSelection> {
        let aggregate_id =
            self.aggregate_id.map(|id| uuid("filter.aggregateId", &id)).transpose()?;
        let organizations = self.organization_ids;
        let organizations =
            organizations.map(|ids| uuids("filter.organizationIds", &ids)).transpose()?;
        Ok(EventsSelection {
            aggregate_types: self.aggregate_types.unwrap_or_default(),
            aggregate_id,
            types: self.types.unwrap_or_default(),
            organizations: organizations
                .map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect()),
        })
    }
}

/// An event of the log.
#[derive(SimpleObject)]
#[expect(clippy::struct_field_names, reason = "clients see the names, and `id` would be a node's")]
struct Event {
    /// Where in the log: 1, 2, 3 …
    position: Position,
    /// Unique for ever.
    event_id: ID,
    /// Such as `device.renamed`.
    #[graphql(name = "type")]
    event_type: String,
    /// Of the type: a whole number as text.
    version: String,
    /// Kind of the stream, such as `device`.
    aggregate_type: String,
    /// Which stream of that kind.
    aggregate_id: ID,
    /// 1, 2, 3 … inside the stream.
    sequence: i64,
    /// Whose it was at that time; null belongs to no organization, and only superusers are told.
    organization_id: Option<ID>,
    /// Who did it: `user:<id>`, `device:<id>`, `agent:<organization>`, `system:<worker>` or `local:<unix user>`; null where
    /// that was not recorded.
    actor: Option<String>,
    /// The request that it came from.
    correlation_id: Option<ID>,
    /// What made it necessary: `event:<id>`, `report:<number>` or `job:<id>`; null where somebody just wanted it.
    causation: Option<String>,
    /// When it was recorded.
    at: DateTime<Utc>,
    /// As stored: `{"<what happened>": {<fields>}}`. A field that is not told holds `{"masked": "sensitive"}`
    /// (configurations, variables, meta data, notes, reasons: superusers get them with `sensitive: true`) or
    /// `{"masked": "sealed"}` (secrets and their fingerprints: keys of devices and shared secrets are told with `secrets: true`,
    /// the rest to nobody).
    payload: JsonObject,
}

impl From<LiveEvent> for Event {
    fn from(event: LiveEvent) -> Self {
        Self {
            position: Position(event.position),
            event_id: event.event_id.to_string().into(),
            event_type: event.event_type,
            version: event.event_version,
            aggregate_type: event.aggregate_type,
            aggregate_id: event.aggregate_id.into(),
            sequence: event.sequence,
            organization_id: event.organization_id.map(|id| id.to_string().into()),
            actor: event.actor,
            correlation_id: event.correlation_id.map(|id| id.to_string().into()),
            causation: event.causation,
            at: event.at,
            payload: JsonObject(event.payload),
        }
    }
}

/// What happened since the answer before.
#[derive(SimpleObject)]
struct EventPage {
    /// In the order of the log, at most 100. None in the first answer, and in those that only tell how far everything else
    /// has come.
    events: Vec<Event>,
    /// Everything up to here was told or is not selected. A client that keeps it with what it made of the events, and comes
    /// back with it as `after`, misses nothing and is told nothing twice.
    position: Position,
    /// Was that all there was when it was sent?
    caught_up: bool,
}

impl From<EventsPage> for EventPage {
    fn from(page: EventsPage) -> Self {
        Self {
            events: page.events.into_iter().map(Event::from).collect(),
            position: Position(page.position),
            caught_up: page.caught_up,
        }
    }
}

#[derive(Default)]
pub(super) struct EventSubscription;

#[Subscription]
impl EventSubscription {
    /// Every event after a position, in the order of the log and without a gap, as pages of those that there are. The first
    /// answer comes at once and says from where; then there is one when something happens, and about every ten seconds while
    /// only events happen that are not selected. The viewer is told events of organizations that it may see at this very
    /// moment; those that belong to none are for superusers.
    #[graphql(complexity = "100 + child_complexity")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        filter: Option<EventsFilter>,
        #[graphql(
            desc = "`position` of the last answer that was had; 0 is from the beginning; left out, it is from now on."
        )]
        after: Option<Position>,
        #[graphql(desc = "Tells superusers what is sensitive; others are refused (FORBIDDEN).")]
        sensitive: Option<bool>,
        #[graphql(
            desc = "Tells keys of devices and shared secrets, as far as the viewer may see them at that moment: each reading is an event \
                    `secret.read`. Who may see none is refused (FORBIDDEN)."
        )]
        secrets: Option<bool>,
    ) -> Result<Answers<EventPage>> {
        let selection = filter.unwrap_or_default().read()?;
        let after = after.map(|after| after.0);
        let confidential = Confidential {
            sensitive: sensitive.unwrap_or_default(),
            secrets: secrets.unwrap_or_default(),
        };
        let live = app(ctx)?.live().events(listener(ctx)?, selection, after, confidential).await;
        let (live, slot) = (live.map_err(failure)?, progress(ctx)?.slot());
        let next = move |live: Option<EventsLive>| {
            let slot = slot.clone();
            async move {
                let mut live = live?;
                match live.next().await {
                    Ok(page) => {
                        slot.reached(page.position);
                        Some((Ok(page.into()), Some(live)))
                    }
                    Err(reason) => Some((Err(ended(reason)), None)),
                }
            }
        };
        Ok(stream::unfold(Some(live), next).boxed())
    }
}
