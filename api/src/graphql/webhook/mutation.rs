//! Making and changing webhooks.

use app::{NewWebhook, Reads, WebhookChange};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::TimeDelta;
use domain::{OrganizationId, WebhookId};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Webhook, WebhookDelivery, WebhookSelectionInput};
use crate::graphql::{
    error::failure,
    request::{Removed, app, by, made, once},
    scalar::{Position, uuid},
    settled::{Settled, settled},
};

/// A new webhook.
#[derive(InputObject)]
struct CreateWebhookInput {
    /// Chosen by the client: repeating the request with the same id never makes a second webhook.
    id: Option<ID>,
    /// The owner; left out, it is the whole installation, for superusers.
    organization_id: Option<ID>,
    /// What people call it, 1 to 64 characters.
    name: String,
    /// Where events go: `https://…`.
    url: String,
    /// Which events; left out, all.
    selection: Option<WebhookSelectionInput>,
    /// What deliveries are signed with: `whsec_` and 24 to 64 bytes in base64. Left out, it is made, and told once.
    #[graphql(secret)]
    secret: Option<String>,
}

/// New values for some of a webhook; what is left out stays.
#[derive(InputObject)]
struct ChangeWebhookInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which webhook.
    id: ID,
    /// What people call it, 1 to 64 characters.
    name: Option<String>,
    /// Where events go, also those that wait.
    url: Option<String>,
    /// Which events, from here on.
    selection: Option<WebhookSelectionInput>,
}

/// Another secret for a webhook.
#[derive(InputObject)]
struct RotateWebhookSecretInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which webhook.
    id: ID,
    /// `whsec_` and 24 to 64 bytes in base64. Left out, it is made, and told once.
    #[graphql(secret)]
    secret: Option<String>,
    /// For so many seconds deliveries are signed with the one before, too: a day if left out, 30 days at most.
    overlap_seconds: Option<u32>,
}

/// Which webhook.
#[derive(InputObject)]
struct WebhookIdInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which webhook.
    id: ID,
}

/// Which webhook, whatever is done to it.
#[derive(InputObject)]
struct TestWebhookInput {
    /// Which webhook.
    id: ID,
}

/// What is to be delivered once more.
#[derive(InputObject)]
struct RedeliverWebhookInput {
    /// Which webhook.
    id: ID,
    /// The first position.
    from: Position,
    /// The last position; left out, it is only the first.
    to: Option<Position>,
}

/// What is not to be delivered.
#[derive(InputObject)]
struct SkipWebhookDeliveryInput {
    /// Which webhook.
    id: ID,
    /// Which of its deliveries.
    delivery_id: ID,
}

/// A webhook after a mutation.
#[derive(SimpleObject)]
struct WebhookPayload {
    /// As it is now.
    webhook: Webhook,
    #[graphql(flatten)]
    settled: Settled,
}

/// A webhook and its new secret.
#[derive(SimpleObject)]
struct WebhookSecretPayload {
    /// As it is now.
    webhook: Webhook,
    /// What deliveries are signed with; it is not told again. Null where the same request was answered before.
    secret: Option<String>,
    #[graphql(flatten)]
    settled: Settled,
}

/// A delivery after a mutation.
#[derive(SimpleObject)]
struct WebhookDeliveryPayload {
    /// As it is now; it is among the deliveries of the webhook.
    delivery: WebhookDelivery,
}

/// What is delivered once more.
#[derive(SimpleObject)]
struct RedeliverWebhookPayload {
    /// Events that were queued; those that wait already are not among them.
    queued: u64,
    /// Everything of the range up to here was looked at. Where it is less than `to`, ask again from the next one on.
    up_to: Position,
}

fn webhook_id(id: &ID) -> Result<WebhookId> {
    uuid("id", id).map(WebhookId::from_uuid)
}

async fn shown(ctx: &Context<'_>, id: WebhookId) -> Result<Webhook> {
    app(ctx)?.webhooks().get(by(ctx)?, id).await.map(Webhook).map_err(failure)
}

async fn payload(ctx: &Context<'_>, id: WebhookId, position: i64) -> Result<WebhookPayload> {
    let settled = settled(ctx, Reads::Tables, position).await?;
    Ok(WebhookPayload { webhook: shown(ctx, id).await?, settled })
}

#[derive(Default)]
pub(in crate::graphql) struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Makes a webhook: everything selected that happens from now on is delivered to it, at least once, and what happens to one
    /// thing in its order.
    async fn create_webhook(
        &self,
        ctx: &Context<'_>,
        input: CreateWebhookInput,
    ) -> Result<WebhookSecretPayload> {
        let (id, key) = made(ctx, input.id.as_ref())?;
        let id = WebhookId::from_uuid(id);
        let owner = input.organization_id.as_ref().map(|id| uuid("organizationId", id));
        let new = NewWebhook {
            id,
            organization_id: owner.transpose()?.map(OrganizationId::from_uuid),
            name: input.name,
            url: input.url,
            selection: input.selection.unwrap_or_default().read()?,
            secret: input.secret.map(SecretString::from),
        };
        let webhooks = app(ctx)?.webhooks();
        let mut secret = None;
        let told = &mut secret;
        let done = once(ctx, key, |by| async move {
            let (made, done) = webhooks.create(&by, new).await?;
            *told = made.map(|made| made.expose_secret().to_owned());
            Ok(done)
        })
        .await?;
        let settled = settled(ctx, Reads::Tables, done.position).await?;
        Ok(WebhookSecretPayload { webhook: shown(ctx, id).await?, secret, settled })
    }

    /// Changes a webhook.
    async fn change_webhook(
        &self,
        ctx: &Context<'_>,
        input: ChangeWebhookInput,
    ) -> Result<WebhookPayload> {
        let id = webhook_id(&input.id)?;
        let change = WebhookChange {
            name: input.name,
            url: input.url,
            selection: input.selection.map(WebhookSelectionInput::read).transpose()?,
        };
        let (webhooks, key) = (app(ctx)?.webhooks(), input.client_mutation_id);
        let done =
            once(ctx, key, |by| async move { webhooks.change(&by, id, change).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Signs with another secret from now on, and for a while with the one before, too.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        input: RotateWebhookSecretInput,
    ) -> Result<WebhookSecretPayload> {
        let id = webhook_id(&input.id)?;
        let (webhooks, key) = (app(ctx)?.webhooks(), input.client_mutation_id);
        let given = input.secret.map(SecretString::from);
        let overlap = input.overlap_seconds.map(|seconds| TimeDelta::seconds(seconds.into()));
        let mut secret = None;
        let told = &mut secret;
        let done = once(ctx, key, |by| async move {
            let (made, done) = webhooks.rotate_secret(&by, id, given, overlap).await?;
            *told = made.map(|made| made.expose_secret().to_owned());
            Ok(done)
        })
        .await?;
        let settled = settled(ctx, Reads::Tables, done.position).await?;
        Ok(WebhookSecretPayload { webhook: shown(ctx, id).await?, secret, settled })
    }

    /// Lets events wait until the webhook is resumed.
    async fn pause_webhook(
        &self,
        ctx: &Context<'_>,
        input: WebhookIdInput,
    ) -> Result<WebhookPayload> {
        let id = webhook_id(&input.id)?;
        let (webhooks, key) = (app(ctx)?.webhooks(), input.client_mutation_id);
        let done = once(ctx, key, |by| async move { webhooks.pause(&by, id).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Delivers again, from where it stopped: also what happened while the webhook was paused or given up.
    async fn resume_webhook(
        &self,
        ctx: &Context<'_>,
        input: WebhookIdInput,
    ) -> Result<WebhookPayload> {
        let id = webhook_id(&input.id)?;
        let (webhooks, key) = (app(ctx)?.webhooks(), input.client_mutation_id);
        let done = once(ctx, key, |by| async move { webhooks.resume(&by, id).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Lets a webhook not exist any more; what waits for it is not delivered.
    async fn remove_webhook(&self, ctx: &Context<'_>, input: WebhookIdInput) -> Result<Removed> {
        let id = webhook_id(&input.id)?;
        let (webhooks, key) = (app(ctx)?.webhooks(), input.client_mutation_id);
        let done = once(ctx, key, |by| async move { webhooks.remove(&by, id).await }).await?;
        Removed::new(ctx, Reads::Tables, input.id, done).await
    }

    /// Delivers something that never happened (`webhook.test`), once, also while the webhook is paused. How it went is told with
    /// the delivery.
    async fn test_webhook(
        &self,
        ctx: &Context<'_>,
        input: TestWebhookInput,
    ) -> Result<WebhookDeliveryPayload> {
        let id = webhook_id(&input.id)?;
        let row = app(ctx)?.webhooks().test(by(ctx)?, id).await.map_err(failure)?;
        Ok(WebhookDeliveryPayload { delivery: WebhookDelivery(row) })
    }

    /// Delivers one event or a range of them once more, with the same `webhook-id`, in no particular order: those that the webhook
    /// selects, at most 1000 and 100,000 positions at a time.
    async fn redeliver_webhook(
        &self,
        ctx: &Context<'_>,
        input: RedeliverWebhookInput,
    ) -> Result<RedeliverWebhookPayload> {
        let id = webhook_id(&input.id)?;
        let range = (input.from.0, input.to.unwrap_or(input.from).0);
        let webhooks = app(ctx)?.webhooks();
        let queued = webhooks.redeliver(by(ctx)?, id, range).await.map_err(failure)?;
        Ok(RedeliverWebhookPayload { queued: queued.count, up_to: Position(queued.up_to) })
    }

    /// Gives up one delivery that waits, so that what waits for it goes on.
    async fn skip_webhook_delivery(
        &self,
        ctx: &Context<'_>,
        input: SkipWebhookDeliveryInput,
    ) -> Result<WebhookDeliveryPayload> {
        let id = webhook_id(&input.id)?;
        let delivery = uuid("deliveryId", &input.delivery_id)?;
        let webhooks = app(ctx)?.webhooks();
        let skipped = webhooks.skip_delivery(by(ctx)?, id, delivery).await.map_err(failure)?;
        Ok(WebhookDeliveryPayload { delivery: WebhookDelivery(skipped.0) })
    }
}
