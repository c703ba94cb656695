//! Webhooks and what is delivered to them.

use app::{ObjectRef, Reads};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    OrganizationId, WebhookId,
    webhook::{WebhookSelection, WhyDisabled},
};
use projections::webhook::{
    DeliveryFilter, DeliveryKind, DeliveryRow, DeliveryState, Waiting, WebhookRow, WebhookState,
};

use super::{
    connection::{Listed, Window, cost, page},
    error::{failure, shared},
    history::{EventList, Events},
    organization::{NamedOrderBy, Organization},
    request::{app, by, loaders},
    scalar::{Position, uuid, uuids},
    settled::as_new_as,
};

mod mutation;

pub(super) use mutation::WebhookMutation;

/// Does a webhook deliver?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "WebhookState", name = "WebhookState")]
enum ShownState {
    /// It does.
    Active,
    /// Somebody paused it: events wait.
    Paused,
    /// The program gave it up: events wait until somebody resumes it.
    Disabled,
}

/// Why a webhook was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "WhyDisabled", name = "WebhookDisabledReason")]
enum ShownReason {
    /// An event could not be delivered for too long.
    Failing,
    /// The receiver said that it does not want any more.
    Gone,
}

/// Why something is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "DeliveryKind", name = "WebhookDeliveryKind")]
enum ShownKind {
    /// It happened.
    Event,
    /// Somebody wanted it once more.
    Redelivery,
    /// Somebody tried whether it works.
    Test,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "DeliveryState", name = "WebhookDeliveryState")]
enum ShownDelivery {
    /// It has to be delivered yet.
    Queued,
    /// The receiver took it.
    Delivered,
    /// Somebody decided that it is not delivered, or there was nothing to deliver.
    Skipped,
    /// A test that the receiver did not take, or something that was wanted once more and could not be delivered for too long.
    Failed,
}

/// Which events a webhook gets: what is empty selects everything, what is given holds all together.
#[derive(SimpleObject)]
#[graphql(name = "WebhookSelection")]
struct ShownSelection {
    /// Of these organizations; empty for a webhook of an organization, which gets the events of that one.
    organization_ids: Vec<ID>,
    /// Of streams of these kinds, such as `device`.
    aggregate_types: Vec<String>,
    /// Of these types, such as `device.renamed`.
    types: Vec<String>,
}

/// Which events a webhook gets: what is left out or empty selects everything, what is given holds all together.
#[derive(Debug, Default, InputObject)]
struct WebhookSelectionInput {
    /// Of these organizations; only for webhooks of the whole installation.
    organization_ids: Option<Vec<ID>>,
    /// Of streams of these kinds, such as `device`; at most 100.
    aggregate_types: Option<Vec<String>>,
    /// Of these types, such as `device.renamed`; at most 100.
    types: Option<Vec<String>>,
}

impl WebhookSelectionInput {
    fn read(self) -> Result<WebhookSelection> {
        let organizations = self.organization_ids.unwrap_or_default();
        let organizations = uuids("selection.organizationIds", &organizations)?;
        Ok(WebhookSelection {
            organizations: organizations.into_iter().map(OrganizationId::from_uuid).collect(),
            aggregates: self.aggregate_types.unwrap_or_default(),
            types: self.types.unwrap_or_default(),
        })
    }
}

/// How far a webhook has come.
#[derive(SimpleObject)]
struct WebhookProgress {
    /// Up to here every selected event was queued or delivered; null before the first look.
    position: Option<Position>,
    /// Deliveries that are queued.
    queued: u64,
    /// Since when something that is queued fails.
    failing_since: Option<DateTime<Utc>>,
    /// When something was delivered last, as far as the log of deliveries reaches.
    delivered_at: Option<DateTime<Utc>>,
}

impl From<Waiting> for WebhookProgress {
    fn from(waiting: Waiting) -> Self {
        let Waiting { position, queued, failing_since, delivered_at } = waiting;
        Self { position: position.map(Position), queued, failing_since, delivered_at }
    }
}

/// An address to which events are delivered.
pub(super) struct Webhook(pub(super) WebhookRow);

/// An address to which events are delivered, signed (Standard Webhooks).
#[Object]
impl Webhook {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The owner; null is the whole installation.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        let Some(id) = self.0.organization_id else { return Ok(None) };
        Ok(loaders(ctx)?.load_one(id).await.map_err(shared)?.map(Organization))
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Where events go.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// Which events.
    async fn selection(&self) -> ShownSelection {
        let WebhookSelection { organizations, aggregates, types } = self.0.selection.clone();
        ShownSelection {
            organization_ids: organizations.iter().map(|id| id.to_string().into()).collect(),
            aggregate_types: aggregates,
            types,
        }
    }

    /// Does it deliver?
    async fn state(&self) -> ShownState {
        self.0.state.into()
    }

    /// Why it was given up; null where it was not.
    async fn disabled_reason(&self) -> Option<ShownReason> {
        self.0.disabled.map(|(why, _)| why.into())
    }

    /// Since when it could not be delivered when it was given up.
    async fn disabled_since(&self) -> Option<DateTime<Utc>> {
        self.0.disabled.map(|(_, since)| since)
    }

    /// Until when deliveries are signed with the secret before the last rotation, too.
    async fn previous_secret_until(&self) -> Option<DateTime<Utc>> {
        self.0.previous.as_ref().map(|(_, until)| *until)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was changed last.
    async fn modified_at(&self) -> DateTime<Utc> {
        self.0.modified_at
    }

    /// How far it has come.
    #[graphql(complexity = "5 + child_complexity")]
    async fn progress(&self, ctx: &Context<'_>) -> Result<WebhookProgress> {
        let waiting = app(ctx)?.webhooks().waiting(by(ctx)?, self.0.id).await;
        waiting.map(WebhookProgress::from).map_err(failure)
    }

    /// What happened to it, the newest first.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Events on the page: 20 if left out, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "A cursor: only older events.")] after: Option<String>,
        #[graphql(desc = "A cursor: only newer events.")] before: Option<String>,
    ) -> Result<EventList> {
        Events { first, after, before }.of(ctx, ObjectRef::Webhook(self.0.id), None).await
    }

    /// What was delivered and what waits, the newest first. Ended deliveries are kept for `webhooks.keep_deliveries`.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<WebhookDeliveryFilterInput>,
    ) -> Result<Listed<WebhookDelivery>> {
        let window = Window { first, after, last, before };
        let (stretch, filter) = (window.stretch(NEWEST)?, filter.unwrap_or_default().read());
        let webhooks = app(ctx)?.webhooks();
        let found = webhooks.deliveries(by(ctx)?, self.0.id, filter, stretch).await;
        Ok(page(found.map_err(failure)?, NEWEST, &window, WebhookDelivery))
    }
}

/// The order of deliveries.
const NEWEST: &str = "webhookDeliveries:queued";

/// Which deliveries are listed. What is left out filters nothing.
#[derive(Debug, Default, InputObject)]
struct WebhookDeliveryFilterInput {
    /// Of this state.
    state: Option<ShownDelivery>,
    /// Of this kind.
    kind: Option<ShownKind>,
    /// Those that failed at least once.
    #[graphql(default)]
    failed: bool,
    /// Of the event at this position.
    position: Option<Position>,
}

impl WebhookDeliveryFilterInput {
    fn read(self) -> DeliveryFilter {
        DeliveryFilter {
            state: self.state.map(Into::into),
            kind: self.kind.map(Into::into),
            failed: self.failed,
            position: self.position.map(|position| position.0),
        }
    }
}

/// Something that is or was delivered to a webhook.
pub(super) struct WebhookDelivery(DeliveryRow);

#[Object]
impl WebhookDelivery {
    /// Which.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Why it is delivered.
    async fn kind(&self) -> ShownKind {
        self.0.kind.into()
    }

    /// How far it has come.
    async fn state(&self) -> ShownDelivery {
        self.0.state.into()
    }

    /// Of the event; null for a test.
    async fn position(&self) -> Option<Position> {
        (self.0.kind != DeliveryKind::Test).then_some(Position(self.0.position))
    }

    /// Of the event, such as `device.renamed`.
    async fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// How often it was tried.
    async fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// When it is tried next; null where it is not.
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        (self.0.state == DeliveryState::Queued).then_some(self.0.next_at)
    }

    /// The first attempt that failed.
    async fn failing_since(&self) -> Option<DateTime<Utc>> {
        self.0.failing_since
    }

    /// The last attempt.
    async fn attempted_at(&self) -> Option<DateTime<Utc>> {
        self.0.attempted_at
    }

    /// The status of the last answer.
    async fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Why the last attempt failed.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// When it was queued.
    async fn queued_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

#[derive(Default)]
pub(super) struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// One webhook.
    async fn webhook(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<Position>,
    ) -> Result<Webhook> {
        as_new_as(ctx, Reads::Tables, min_position).await?;
        let id = WebhookId::from_uuid(uuid("id", &id)?);
        app(ctx)?.webhooks().get(by(ctx)?, id).await.map(Webhook).map_err(failure)
    }

    /// The webhooks that the viewer may see; those of the whole installation are there for superusers.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn webhooks(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Only of this organization.")] organization_id: Option<ID>,
        order_by: Option<NamedOrderBy>,
        descending: Option<bool>,
        min_position: Option<Position>,
    ) -> Result<Listed<Webhook>> {
        as_new_as(ctx, Reads::Tables, min_position).await?;
        let window = Window { first, after, last, before };
        let (order, name) = NamedOrderBy::of("webhooks", order_by, descending.unwrap_or_default());
        let of = organization_id.map(|id| uuid("organizationId", &id)).transpose()?;
        let of = of.map(OrganizationId::from_uuid);
        let webhooks = app(ctx)?.webhooks();
        let found = webhooks.stretch(by(ctx)?, of, order, window.stretch(&name)?).await;
        Ok(page(found.map_err(failure)?, &name, &window, Webhook))
    }
}
