//! Device groups.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{GroupId, OrganizationId, TemplateId};
use projections::group::{GroupFilter, GroupRow};

use super::{
    connection::{Listed, Window, cost, page},
    device::{Device, DeviceFilterInput, DeviceOrderBy, Devices},
    error::{failure, shared},
    organization::{NamedOrderBy, Organization},
    request::{app, as_new_as, by, loaders},
    scalar::{JsonObject, Position, uuid, uuids},
    template::{Template, in_order},
};

mod mutation;

pub(super) use mutation::GroupMutation;

/// Devices that share templates and variables.
pub(super) struct Group(pub(super) GroupRow);

#[Object(name = "DeviceGroup")]
impl Group {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The owner.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        Ok(loaders(ctx)?.load_one(self.0.organization_id).await.map_err(shared)?.map(Organization))
    }

    /// Unique inside the organization.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Free text.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Templates that its devices have, first to last.
    async fn templates(&self, ctx: &Context<'_>) -> Result<Vec<Template>> {
        in_order(ctx, &self.0.templates).await
    }

    /// Configuration variables that its devices have.
    async fn variables(&self) -> JsonObject {
        JsonObject(self.0.variables.clone())
    }

    /// Whatever operators keep with a group.
    async fn meta_data(&self) -> JsonObject {
        JsonObject(self.0.meta_data.clone())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was changed last.
    async fn modified_at(&self) -> DateTime<Utc> {
        self.0.modified_at
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
        wanted.list(ctx, &window, |filter| filter.group = Some(self.0.id)).await
    }
}

/// Which groups are listed. What is left out filters nothing.
#[derive(Debug, Default, InputObject)]
#[graphql(name = "DeviceGroupFilterInput")]
pub(super) struct GroupFilterInput {
    /// Only these.
    ids: Option<Vec<ID>>,
    /// Of one of these organizations.
    organization_ids: Option<Vec<ID>>,
    /// This text somewhere in name or description, whatever the case.
    search: Option<String>,
    /// Without devices, or with.
    empty: Option<bool>,
    /// With this template.
    template_id: Option<ID>,
}

impl GroupFilterInput {
    fn read(self) -> Result<GroupFilter> {
        let ids = self.ids.map(|ids| uuids("filter.ids", &ids)).transpose()?;
        let organizations = self.organization_ids;
        let organizations =
            organizations.map(|ids| uuids("filter.organizationIds", &ids)).transpose()?;
        let template = self.template_id.map(|id| uuid("filter.templateId", &id)).transpose()?;
        Ok(GroupFilter {
            ids: ids.map(|ids| ids.into_iter().map(GroupId::from_uuid).collect()),
            organizations: organizations
                .map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect()),
            search: self.search,
            empty: self.empty,
            template: template.map(TemplateId::from_uuid),
        })
    }
}

#[derive(Default)]
pub(super) struct GroupQuery;

#[Object]
impl GroupQuery {
    /// One device group.
    async fn device_group(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<Position>,
    ) -> Result<Group> {
        as_new_as(ctx, min_position).await?;
        let id = GroupId::from_uuid(uuid("id", &id)?);
        app(ctx)?.groups().get(by(ctx)?, id).await.map(Group).map_err(failure)
    }

    /// The device groups that the viewer may see.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn device_groups(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<GroupFilterInput>,
        order_by: Option<NamedOrderBy>,
        descending: Option<bool>,
        min_position: Option<Position>,
    ) -> Result<Listed<Group>> {
        as_new_as(ctx, min_position).await?;
        let window = Window { first, after, last, before };
        let (order, name) = NamedOrderBy::of(order_by, descending.unwrap_or_default());
        let filter = filter.unwrap_or_default().read()?;
        let groups = app(ctx)?.groups();
        let found = groups.stretch(by(ctx)?, filter, order, window.stretch(&name)?).await;
        Ok(page(found.map_err(failure)?, &name, &window, Group))
    }
}
