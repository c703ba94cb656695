//! Changing organizations.

use app::{NewOrganization, OrganizationChange, OrganizationContents, Reads};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{
    OrganizationId,
    accounts::{DeviceLimit, OrganizationDetails},
};

use super::Organization;
use crate::graphql::{
    error::failure,
    request::{app, by, made, once},
    scalar::{JsonObject, uuid},
    settled::{Settled, settled},
};

/// A new organization.
#[derive(InputObject)]
struct CreateOrganizationInput {
    /// Chosen by the client: repeating the request with the same id never makes a second organization.
    id: Option<ID>,
    /// Shown to people; may repeat.
    name: String,
    /// Unique; letters, digits, hyphens and underscores.
    slug: String,
    /// Free text.
    #[graphql(default)]
    description: String,
    /// Contact.
    #[graphql(default)]
    email: String,
    /// Web site.
    #[graphql(default)]
    url: String,
    /// Are its people and devices served?
    #[graphql(default = true)]
    active: bool,
    /// May agents register devices?
    #[graphql(default = true)]
    registration_open: bool,
    /// What agents register with; made by chance when it is left out.
    #[graphql(secret)]
    shared_secret: Option<String>,
    /// Configuration variables that all its devices have.
    variables: Option<JsonObject>,
    /// How many devices it may have; null is any number, 0 is none.
    device_limit: Option<u32>,
}

/// New values for some of an organization; what is left out stays.
#[derive(InputObject)]
pub(in crate::graphql) struct ChangeOrganizationInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which organization.
    id: ID,
    /// Shown to people; may repeat.
    name: Option<String>,
    /// Unique; letters, digits, hyphens and underscores.
    slug: Option<String>,
    /// Free text.
    description: Option<String>,
    /// Contact.
    email: Option<String>,
    /// Web site.
    url: Option<String>,
    /// Are its people and devices served?
    active: Option<bool>,
    /// May agents register devices?
    registration_open: Option<bool>,
    /// What agents register with.
    #[graphql(secret)]
    shared_secret: Option<String>,
    /// Configuration variables, all of them.
    variables: Option<JsonObject>,
    /// How many devices it may have; null is any number, 0 is none.
    device_limit: MaybeUndefined<u32>,
}

/// An organization that is to be gone.
#[derive(InputObject)]
struct RemoveOrganizationInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which organization.
    id: ID,
    /// Only say what would be removed.
    #[graphql(default)]
    dry_run: bool,
}

/// What goes with an organization.
#[derive(SimpleObject)]
#[graphql(name = "OrganizationContents")]
struct Contents {
    /// Devices, each with its configuration.
    devices: u64,
    /// Templates of its own.
    templates: u64,
    /// Device groups.
    device_groups: u64,
    /// Accounts that belong to it; they stay accounts.
    memberships: u64,
    /// Addresses to which its events are delivered.
    webhooks: u64,
}

impl From<OrganizationContents> for Contents {
    fn from(contents: OrganizationContents) -> Self {
        let OrganizationContents { devices, templates, device_groups, memberships, webhooks } =
            contents;
        Self { devices, templates, device_groups, memberships, webhooks }
    }
}

/// An organization that is gone, or would be.
#[derive(SimpleObject)]
struct RemovedOrganization {
    /// Which organization.
    id: ID,
    #[graphql(flatten)]
    settled: Settled,
    /// Was it only asked what would be removed?
    dry_run: bool,
    /// What is removed in the background from here on; null when the request was repeated.
    removes: Option<Contents>,
}

/// An organization after a mutation.
#[derive(SimpleObject)]
struct OrganizationPayload {
    /// As it is now.
    organization: Organization,
    #[graphql(flatten)]
    settled: Settled,
}

fn limit(limit: Option<u32>) -> DeviceLimit {
    match limit {
        None => DeviceLimit::Unlimited,
        Some(0) => DeviceLimit::NoDevices,
        Some(limit) => DeviceLimit::AtMost(limit),
    }
}

impl ChangeOrganizationInput {
    /// Which organization, and what is to be changed.
    pub(in crate::graphql) fn read(self) -> Result<(OrganizationId, OrganizationChange)> {
        let id = OrganizationId::from_uuid(uuid("id", &self.id)?);
        let change = OrganizationChange {
            name: self.name,
            slug: self.slug,
            description: self.description,
            email: self.email,
            url: self.url,
            is_active: self.active,
            registration_enabled: self.registration_open,
            shared_secret: self.shared_secret.map(Into::into),
            context: self.variables.map(|variables| variables.0),
            device_limit: match self.device_limit {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(limit(None)),
                MaybeUndefined::Value(max) => Some(limit(Some(max))),
            },
        };
        Ok((id, change))
    }
}

async fn payload(
    ctx: &Context<'_>,
    id: OrganizationId,
    position: i64,
) -> Result<OrganizationPayload> {
    let settled = settled(ctx, Reads::Fleet, position).await?;
    let row = app(ctx)?.organizations().get(by(ctx)?, id).await.map_err(failure)?;
    Ok(OrganizationPayload { organization: Organization(row), settled })
}

#[derive(Default)]
pub(in crate::graphql) struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Founds an organization.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        input: CreateOrganizationInput,
    ) -> Result<OrganizationPayload> {
        let (id, key) = made(ctx, input.id.as_ref())?;
        let new = NewOrganization {
            id: OrganizationId::from_uuid(id),
            name: input.name,
            slug: input.slug,
            details: OrganizationDetails {
                description: input.description,
                email: input.email,
                url: input.url,
            },
            is_active: input.active,
            registration_enabled: input.registration_open,
            shared_secret: input.shared_secret.map(Into::into),
            context: input.variables.map(|variables| variables.0).unwrap_or_default(),
            device_limit: limit(input.device_limit),
        };
        let organizations = app(ctx)?.organizations();
        let done = once(ctx, key, |by| async move { organizations.create(&by, new).await }).await?;
        payload(ctx, OrganizationId::from_uuid(id), done.position).await
    }

    /// Changes an organization.
    async fn change_organization(
        &self,
        ctx: &Context<'_>,
        mut input: ChangeOrganizationInput,
    ) -> Result<OrganizationPayload> {
        let key = input.client_mutation_id.take();
        let (organizations, (id, change)) = (app(ctx)?.organizations(), input.read()?);
        let done =
            once(ctx, key, |by| async move { organizations.change(&by, id, change).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Lets an organization be gone, with everything that is its: for superusers and for its owner with the permission. It is
    /// gone for everybody at once, its agents are unknown; devices, templates, groups and memberships are removed in the
    /// background. What happened stays in the history.
    async fn remove_organization(
        &self,
        ctx: &Context<'_>,
        input: RemoveOrganizationInput,
    ) -> Result<RemovedOrganization> {
        let id = OrganizationId::from_uuid(uuid("id", &input.id)?);
        let organizations = app(ctx)?.organizations();
        let contents = organizations.contents(by(ctx)?, id).await;
        if input.dry_run {
            let removes = Some(contents.map_err(failure)?.into());
            let settled = settled(ctx, Reads::Fleet, app(ctx)?.store().head()).await?;
            return Ok(RemovedOrganization { id: input.id, settled, dry_run: true, removes });
        }
        // Of an organization that is gone already, only the repetition of the request hears.
        let removes = contents.ok().map(Contents::from);
        let remove = |by| async move { organizations.remove(&by, id).await };
        let done = once(ctx, input.client_mutation_id, remove).await?;
        let settled = settled(ctx, Reads::Fleet, done.position).await?;
        Ok(RemovedOrganization { id: input.id, settled, dry_run: false, removes })
    }
}
