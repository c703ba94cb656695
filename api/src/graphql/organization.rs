//! Organizations: the tenants.

use app::{Failure, ObjectRef, Reads};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{OrganizationId, accounts::DeviceLimit};
use projections::{
    NamedOrder,
    device::DeviceFilter,
    organization::{OrganizationFilter, OrganizationRow},
};
use secrecy::ExposeSecret as _;

use super::{
    connection::{Listed, Window, cost, page},
    device::{Device, DeviceFilterInput, DeviceOrderBy, Devices},
    error::{failure, shared},
    history::{self, EventList, Events, MomentInput},
    loaders::SharedSecretOf,
    request::{app, by, loaders},
    scalar::{JsonObject, Position, uuid, uuids},
    settled::as_new_as,
};

mod mutation;

pub(super) use mutation::{ChangeOrganizationInput, OrganizationMutation};

/// A tenant: people, devices and what they share.
pub(super) struct Organization(pub(super) OrganizationRow);

#[Object]
impl Organization {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Shown to people; may repeat.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Unique; for paths.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Free text.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Contact.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Web site.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// Are its people and devices served?
    async fn active(&self) -> bool {
        self.0.active
    }

    /// May agents register devices?
    async fn registration_open(&self) -> bool {
        self.0.registration_open
    }

    /// What agents register with; for those who may change it and see secrets, and each reading is noted.
    async fn shared_secret(&self, ctx: &Context<'_>) -> Result<String> {
        let secret = loaders(ctx)?.load_one(SharedSecretOf(self.0.id)).await.map_err(shared)?;
        let secret = secret.ok_or_else(|| failure(Failure::Forbidden))?;
        Ok(secret.expose_secret().to_owned())
    }

    /// Configuration variables that all its devices have; with `at` those that they had then.
    #[graphql(complexity = "history::cost(at.as_ref(), 0)")]
    async fn variables(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Left out, it is now.")] at: Option<MomentInput>,
    ) -> Result<JsonObject> {
        if at.is_none() {
            return Ok(JsonObject(self.0.variables.clone()));
        }
        let at = MomentInput::read(at, ctx, "at")?;
        let history = app(ctx)?.history();
        let found = history.organization_variables_at(by(ctx)?, self.0.id, at).await;
        found.map(JsonObject).map_err(failure)
    }

    /// How many devices it may have; null is any number, 0 is none.
    async fn device_limit(&self) -> Option<u32> {
        match self.0.limit {
            DeviceLimit::Unlimited => None,
            DeviceLimit::NoDevices => Some(0),
            DeviceLimit::AtMost(limit) => Some(limit),
        }
    }

    /// When it was founded.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was changed last.
    async fn modified_at(&self) -> DateTime<Utc> {
        self.0.modified_at
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
        let object = ObjectRef::Organization(self.0.id);
        Events { first, after, before }.of(ctx, object, None).await
    }

    /// Its devices.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn devices(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<DeviceFilterInput>,
        order_by: Option<DeviceOrderBy>,
        descending: Option<bool>,
    ) -> Result<Listed<Device>> {
        let window = Window { first, after, last, before };
        let wanted = Devices { filter, order_by, descending: descending.unwrap_or_default() };
        let here = |filter: &mut DeviceFilter| {
            let wanted = filter.organizations.as_ref().is_none_or(|ids| ids.contains(&self.0.id));
            filter.organizations = Some(if wanted { vec![self.0.id] } else { Vec::new() });
        };
        wanted.list(ctx, &window, here).await
    }
}

/// By what organizations are ordered; ids decide among equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "NamedOrder")]
pub(super) enum NamedOrderBy {
    /// By name.
    #[default]
    Name,
    /// By creation.
    Created,
    /// By the last change.
    Modified,
}

impl NamedOrderBy {
    /// The order as use cases want it and as cursors remember it.
    pub(super) fn of(
        list: &str,
        wanted: Option<Self>,
        descending: bool,
    ) -> ((NamedOrder, bool), String) {
        let wanted = wanted.unwrap_or_default();
        ((wanted.into(), descending), format!("{list}:{wanted:?}:{descending}"))
    }
}

/// Which organizations are listed. What is left out filters nothing.
#[derive(Debug, Default, InputObject)]
pub(super) struct OrganizationFilterInput {
    /// Only these.
    ids: Option<Vec<ID>>,
    /// This text somewhere in name, slug or description, whatever the case.
    search: Option<String>,
    /// Served, or not.
    active: Option<bool>,
    /// Whose agents may register devices, or may not.
    registration_open: Option<bool>,
}

impl OrganizationFilterInput {
    fn read(self) -> Result<OrganizationFilter> {
        let ids = self.ids.map(|ids| uuids("filter.ids", &ids)).transpose()?;
        Ok(OrganizationFilter {
            ids: ids.map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect()),
            search: self.search,
            active: self.active,
            registration_open: self.registration_open,
        })
    }
}

#[derive(Default)]
pub(super) struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// One organization.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<Position>,
    ) -> Result<Organization> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let id = OrganizationId::from_uuid(uuid("id", &id)?);
        app(ctx)?.organizations().get(by(ctx)?, id).await.map(Organization).map_err(failure)
    }

    /// The organizations that the viewer may see.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<OrganizationFilterInput>,
        order_by: Option<NamedOrderBy>,
        descending: Option<bool>,
        min_position: Option<Position>,
    ) -> Result<Listed<Organization>> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let window = Window { first, after, last, before };
        let (order, name) =
            NamedOrderBy::of("organizations", order_by, descending.unwrap_or_default());
        let filter = filter.unwrap_or_default().read()?;
        let organizations = app(ctx)?.organizations();
        let found = organizations.stretch(by(ctx)?, filter, order, window.stretch(&name)?).await;
        Ok(page(found.map_err(failure)?, &name, &window, Organization))
    }
}
