//! Webhooks: endpoints of integrations, to which events are delivered (Standard Webhooks,
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

mod address;
mod deliveries;
mod notice;
mod queue;
mod sending;
mod signature;

use std::fmt;

use chrono::TimeDelta;
use domain::{
    OrganizationId, Permission, Problem, WebhookId,
    webhook::{CreateWebhook, Webhook, WebhookCommand, WebhookSelection},
};
use projections::{
    NamedOrder, Stretch, Stretched,
    webhook::{self, Waiting, WebhookRow},
};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::instrument;

pub use address::is_public;
pub use deliveries::{Redelivered, Skipped};
pub use queue::{DeliveryEnd, DeliveryTurn, Look, WebhookQueues};
pub use sending::{Endpoint, Outgoing};

use self::signature::SigningKey;
use crate::{App, By, Done, Failure, Refusal, sealing::Place, work::decide};

/// Use cases of webhooks; see [`App::webhooks`].
pub struct Webhooks<'a>(pub(crate) &'a App);

/// A webhook that is to be.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Chosen by the caller.
    pub id: WebhookId,
    /// The owner; none is the whole installation, for superusers.
    pub organization_id: Option<OrganizationId>,
    /// 1–64 characters.
    pub name: String,
    /// Where events go.
    pub url: String,
    /// Which events.
    pub selection: WebhookSelection,
    /// What deliveries are signed with: `whsec_` and 24 to 64 bytes in base64; left out, it is made.
    pub secret: Option<SecretString>,
}

/// New values for some of a webhook; `None` leaves the old one.
#[derive(Clone, Default)]
pub struct WebhookChange {
    /// 1–64 characters.
    pub name: Option<String>,
    /// Where events go from then on.
    pub url: Option<String>,
    /// Which events from then on.
    pub selection: Option<WebhookSelection>,
}

impl fmt::Debug for WebhookChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookChange").finish_non_exhaustive()
    }
}

pub(crate) const MODEL: &str = "Webhook";
/// Webhooks of an organization, and of the whole installation.
const MOST: u32 = 100;
/// The secret before a rotation signs for so long if nobody says otherwise.
const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// And at most so long.
const LONGEST_OVERLAP: TimeDelta = TimeDelta::days(30);

/// Kinds of streams that organizations' own webhooks may get, and what it takes to read them.
const READABLE: [(&str, Permission); 6] = [
    ("configuration", Permission::ViewDevice),
    ("device", Permission::ViewDevice),
    ("device_group", Permission::ViewGroup),
    ("organization", Permission::ViewOrganization),
    ("template", Permission::ViewTemplate),
    ("webhook", Permission::ViewWebhook),
];

impl Webhooks<'_> {
    /// Makes a webhook: everything that happens from then on is delivered to it. Tells the secret, which nobody can tell again;
    /// none where the same request made it before.
    #[instrument(name = "webhook.create", skip_all, fields(webhook.id = %new.id))]
    pub async fn create(
        &self,
        by: &By,
        new: NewWebhook,
    ) -> Result<(Option<SecretString>, Done), Failure> {
        by.authority
            .require_anywhere(Permission::AddWebhook)
            .map_err(|denied| Failure::denied(denied, MODEL))?;
        match new.organization_id {
            Some(id) => drop(self.0.devices().owner(by, Permission::AddWebhook, id).await?),
            None if by.authority.is_unlimited() => {}
            None => return Err(Failure::Forbidden),
        }
        self.0.unused(new.id.as_uuid()).await?;
        Self::readable(by, new.organization_id, &new.selection)?;
        let url = self.checked_url(&new.url)?;
        if webhook::count(self.0.store(), new.organization_id).await? >= MOST {
            return Err(Failure::Refused(Refusal::TooManyWebhooks { most: MOST }));
        }
        let key = self.key(new.secret.as_ref())?;
        let place = Place::WebhookSecret(new.id, new.organization_id);
        let secret = self.0.sealing().seal(place, key.text().expose_secret()).await?;
        let create = WebhookCommand::Create(CreateWebhook {
            id: new.id,
            organization_id: new.organization_id,
            name: new.name,
            url,
            selection: new.selection,
            secret: secret.clone(),
        });
        let (_, done) = decide!(self.0, by, work => {
            work.handle::<Webhook>(new.id.as_uuid(), create.clone()).await
        })?;
        // Of several at once, one made it.
        let mine =
            self.row(new.id).await?.is_some_and(|row| row.secret.envelope() == secret.envelope);
        Ok((mine.then(|| key.text()), done))
    }

    /// Changes a webhook. What is queued goes to the new address, too.
    #[instrument(name = "webhook.change", skip_all, fields(webhook.id = %id))]
    pub async fn change(
        &self,
        by: &By,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<Done, Failure> {
        let url = change.url.as_deref().map(|url| self.checked_url(url)).transpose()?;
        let ((), done) = decide!(self.0, by, work => {
            let row = self.webhook(by, id, Permission::ChangeWebhook).await?;
            let selection = change.selection.as_ref().unwrap_or(&row.selection);
            if url.is_some() || change.selection.is_some() {
                Self::readable(by, row.organization_id, selection)?;
            }
            let commands = [
                change.name.clone().map(WebhookCommand::Rename),
                url.clone().map(WebhookCommand::ChangeUrl),
                change.selection.clone().map(WebhookCommand::ChangeSelection),
            ];
            let commands = commands.into_iter().flatten().collect();
            work.handle_all::<Webhook>(id.as_uuid(), commands).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Signs with another secret from then on, and tells it; for a while with the one before, too. None is told where the same
    /// request did it before.
    #[instrument(name = "webhook.rotate_secret", skip_all, fields(webhook.id = %id))]
    pub async fn rotate_secret(
        &self,
        by: &By,
        id: WebhookId,
        secret: Option<SecretString>,
        overlap: Option<TimeDelta>,
    ) -> Result<(Option<SecretString>, Done), Failure> {
        let overlap = overlap.unwrap_or(OVERLAP);
        if overlap < TimeDelta::zero() || overlap > LONGEST_OVERLAP {
            let rule = "must be between nothing and 30 days".to_owned();
            return Err(Failure::field("overlap", Problem::Rule(rule)));
        }
        let key = self.key(secret.as_ref())?;
        let row = self.webhook(by, id, Permission::ChangeWebhook).await?;
        Self::readable(by, row.organization_id, &row.selection)?;
        let place = Place::WebhookSecret(id, row.organization_id);
        let secret = self.0.sealing().seal(place, key.text().expose_secret()).await?;
        let rotate = WebhookCommand::RotateSecret {
            secret: secret.clone(),
            previous_until: self.0.world().now() + overlap,
        };
        let (_, done) = decide!(self.0, by, work => {
            self.webhook(by, id, Permission::ChangeWebhook).await?;
            work.handle::<Webhook>(id.as_uuid(), rotate.clone()).await
        })?;
        let mine = self.row(id).await?.is_some_and(|row| row.secret.envelope() == secret.envelope);
        Ok((mine.then(|| key.text()), done))
    }

    /// Keeps events until the webhook is resumed.
    #[instrument(name = "webhook.pause", skip_all, fields(webhook.id = %id))]
    pub async fn pause(&self, by: &By, id: WebhookId) -> Result<Done, Failure> {
        self.simply(by, id, Permission::ChangeWebhook, WebhookCommand::Pause).await
    }

    /// Delivers again, from where it stopped: also what happened meanwhile.
    #[instrument(name = "webhook.resume", skip_all, fields(webhook.id = %id))]
    pub async fn resume(&self, by: &By, id: WebhookId) -> Result<Done, Failure> {
        let done = self.simply(by, id, Permission::ChangeWebhook, WebhookCommand::Resume).await?;
        // Otherwise it would only take longer.
        self.0.webhook_queues().hurry(id).await?;
        Ok(done)
    }

    /// Lets a webhook not exist any more.
    #[instrument(name = "webhook.remove", skip_all, fields(webhook.id = %id))]
    pub async fn remove(&self, by: &By, id: WebhookId) -> Result<Done, Failure> {
        self.simply(by, id, Permission::DeleteWebhook, WebhookCommand::Remove).await
    }

    /// One webhook.
    pub async fn get(&self, by: &By, id: WebhookId) -> Result<WebhookRow, Failure> {
        self.webhook(by, id, Permission::ViewWebhook).await
    }

    /// A stretch of the webhooks that the actor may see, of one organization or of all.
    pub async fn stretch(
        &self,
        by: &By,
        organization: Option<OrganizationId>,
        order: (NamedOrder, bool),
        stretch: Stretch,
    ) -> Result<Stretched<WebhookRow>, Failure> {
        let scope = by.authority.scope(Permission::ViewWebhook);
        let scope = scope.map_err(|denied| Failure::denied(denied, MODEL))?;
        let shared = by.authority.is_unlimited();
        let filter = (organization, shared);
        Ok(webhook::stretch(self.0.store(), &scope, filter, order, stretch).await?)
    }

    /// How far a webhook has come.
    pub async fn waiting(&self, by: &By, id: WebhookId) -> Result<Waiting, Failure> {
        self.webhook(by, id, Permission::ViewWebhook).await?;
        Ok(webhook::waiting(self.0.store(), id).await?)
    }

    async fn simply(
        &self,
        by: &By,
        id: WebhookId,
        permission: Permission,
        command: WebhookCommand,
    ) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            self.webhook(by, id, permission).await?;
            work.handle::<Webhook>(id.as_uuid(), command.clone()).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// What belongs to the whole installation is there for superusers alone.
    async fn webhook(
        &self,
        by: &By,
        id: WebhookId,
        permission: Permission,
    ) -> Result<WebhookRow, Failure> {
        let denied = |denied| Failure::denied(denied, MODEL);
        let scope = by.authority.scope(permission).map_err(denied)?;
        let row = webhook::by_id(self.0.store(), &scope, id).await?;
        let row = row.ok_or(Failure::NotFound(MODEL))?;
        if row.organization_id.is_none() && !by.authority.is_unlimited() {
            return Err(Failure::NotFound(MODEL));
        }
        by.authority.require(permission, row.organization_id).map_err(denied)?;
        Ok(row)
    }

    async fn row(&self, id: WebhookId) -> Result<Option<WebhookRow>, Failure> {
        Ok(webhook::by_id(self.0.store(), crate::RULES, id).await?)
    }

    /// Nobody lets be delivered what they may not read.
    fn readable(
        by: &By,
        organization: Option<OrganizationId>,
        selection: &WebhookSelection,
    ) -> Result<(), Failure> {
        let Some(organization) = organization else {
            return if by.authority.is_unlimited() { Ok(()) } else { Err(Failure::Forbidden) };
        };
        let known = |name: &str| READABLE.iter().any(|(of, _)| *of == name);
        if let Some(other) = selection.aggregates.iter().find(|name| !known(name)) {
            let rule = format!("`{other}` belongs to no organization: choose others");
            return Err(Failure::field("selection.aggregate_types", Problem::Rule(rule)));
        }
        let wanted = selection.aggregates();
        for (name, permission) in READABLE {
            if wanted.contains(name) {
                by.authority
                    .require(permission, Some(organization))
                    .map_err(|denied| Failure::denied(denied, MODEL))?;
            }
        }
        Ok(())
    }

    fn checked_url(&self, url: &str) -> Result<String, Failure> {
        address::checked(url, self.0.settings().webhooks.allow_private)
            .map_err(|problem| Failure::field("url", problem))
    }

    fn key(&self, given: Option<&SecretString>) -> Result<SigningKey, Failure> {
        if let Some(text) = given {
            let key = SigningKey::parse(text);
            return key.map_err(|problem| Failure::field("secret", problem));
        }
        let mut bytes = [0; 32];
        self.0.world().fill(&mut bytes);
        Ok(SigningKey::new(bytes.to_vec()))
    }
}
