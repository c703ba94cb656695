//! Templates: contents that configurations share.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{OrganizationId, TemplateId};
use projections::template::{TemplateFilter, TemplateRow};

use super::{
    connection::{Listed, Window, cost, page},
    device::{Device, DeviceFilterInput, DeviceOrderBy, Devices},
    error::{failure, shared},
    organization::{NamedOrderBy, Organization},
    request::{app, as_new_as, by, loaders},
    scalar::{JsonObject, Position, uuid, uuids},
};

mod mutation;

pub(super) use mutation::TemplateMutation;

/// Contents that configurations share.
pub(super) struct Template(pub(super) TemplateRow);

#[Object]
impl Template {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The owner; null is shared by all organizations.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        let Some(id) = self.0.organization_id else { return Ok(None) };
        Ok(loaders(ctx)?.load_one(id).await.map_err(shared)?.map(Organization))
    }

    /// Do all organizations see it?
    async fn shared(&self) -> bool {
        self.0.organization_id.is_none()
    }

    /// Unique inside the organization.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Generator of its files, such as `netjsonconfig.OpenWrt`.
    async fn backend(&self) -> &str {
        &self.0.backend
    }

    /// NetJSON.
    async fn config(&self) -> JsonObject {
        JsonObject(self.0.config.clone())
    }

    /// Values of variables for devices that have no others.
    async fn default_values(&self) -> JsonObject {
        JsonObject(self.0.default_values.clone())
    }

    /// What agents ask for at registration.
    async fn tags(&self) -> &[String] {
        &self.0.tags
    }

    /// Do new devices get it?
    #[graphql(name = "default")]
    async fn is_default(&self) -> bool {
        self.0.flags.is_default()
    }

    /// Do all devices of the organization have it always?
    async fn required(&self) -> bool {
        self.0.flags.is_required()
    }

    /// What operators wrote down.
    async fn notes(&self) -> &str {
        &self.0.notes
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was changed last.
    async fn modified_at(&self) -> DateTime<Utc> {
        self.0.modified_at
    }

    /// The devices that have it, as far as the viewer may see them.
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
        wanted.list(ctx, &window, |filter| filter.template = Some(self.0.id)).await
    }
}

/// The templates with these ids, in this order; those that the viewer may not see are left out.
pub(super) async fn in_order(ctx: &Context<'_>, ids: &[TemplateId]) -> Result<Vec<Template>> {
    let mut found = loaders(ctx)?.load_many(ids.iter().copied()).await.map_err(shared)?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).map(Template).collect())
}

/// Which templates are listed. What is left out filters nothing.
#[derive(Debug, Default, InputObject)]
pub(super) struct TemplateFilterInput {
    /// Only these.
    ids: Option<Vec<ID>>,
    /// Of one of these organizations; shared ones are left out then.
    organization_ids: Option<Vec<ID>>,
    /// Shared ones only.
    #[graphql(default)]
    shared: bool,
    /// This text somewhere in name, tags or notes, whatever the case.
    search: Option<String>,
    /// Of this backend.
    backend: Option<String>,
    /// With this tag.
    tag: Option<String>,
    /// That new devices get, or do not get.
    #[graphql(name = "default")]
    is_default: Option<bool>,
    /// That cannot be taken away, or can.
    required: Option<bool>,
}

impl TemplateFilterInput {
    fn read(self) -> Result<TemplateFilter> {
        let ids = self.ids.map(|ids| uuids("filter.ids", &ids)).transpose()?;
        let organizations = self.organization_ids;
        let organizations =
            organizations.map(|ids| uuids("filter.organizationIds", &ids)).transpose()?;
        Ok(TemplateFilter {
            ids: ids.map(|ids| ids.into_iter().map(TemplateId::from_uuid).collect()),
            organizations: organizations
                .map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect()),
            only_shared: self.shared,
            search: self.search,
            backend: self.backend,
            tag: self.tag,
            default: self.is_default,
            required: self.required,
            ..TemplateFilter::default()
        })
    }
}

#[derive(Default)]
pub(super) struct TemplateQuery;

#[Object]
impl TemplateQuery {
    /// One template.
    async fn template(
        &self,
        ctx: &Context<'_>,
        id: ID,
        min_position: Option<Position>,
    ) -> Result<Template> {
        as_new_as(ctx, min_position).await?;
        let id = TemplateId::from_uuid(uuid("id", &id)?);
        app(ctx)?.templates().get(by(ctx)?, id).await.map(Template).map_err(failure)
    }

    /// The templates that the viewer may see, shared ones included.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn templates(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TemplateFilterInput>,
        order_by: Option<NamedOrderBy>,
        descending: Option<bool>,
        min_position: Option<Position>,
    ) -> Result<Listed<Template>> {
        as_new_as(ctx, min_position).await?;
        let window = Window { first, after, last, before };
        let (order, name) = NamedOrderBy::of(order_by, descending.unwrap_or_default());
        let filter = filter.unwrap_or_default().read()?;
        let templates = app(ctx)?.templates();
        let found = templates.stretch(by(ctx)?, filter, order, window.stretch(&name)?).await;
        Ok(page(found.map_err(failure)?, &name, &window, Template))
    }
}
