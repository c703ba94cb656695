//! Templates: contents that configurations share.

use app::{Moment, ObjectRef, PastFilter, Reads, TemplateAt};
use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{OrganizationId, TemplateId};
use projections::template::{TemplateFilter, TemplateRow};

use super::{
    connection::{Listed, Window, cost, page},
    device::{Device, DeviceFilterInput, DeviceOrderBy, Devices},
    error::{failure, shared},
    history::{self, EventList, Events, MomentInput, not_then, visible},
    organization::{NamedOrderBy, Organization},
    request::{app, by, loaders},
    scalar::{JsonObject, Position, uuid, uuids},
    settled::as_new_as,
};

mod mutation;

pub(super) use mutation::{
    ChangeTemplateInput, CreateTemplateInput, RemoveTemplateInput, TemplateMutation,
};

/// Contents that configurations share; as they are or as they were.
#[expect(clippy::large_enum_variant, reason = "nearly all are of the present")]
pub(super) enum Template {
    /// At present.
    Now(TemplateRow),
    /// At a moment of the past.
    Then {
        /// The last event that is in it.
        position: i64,
        /// The template.
        was: Box<TemplateAt>,
    },
}

impl Template {
    /// As it was after the event at a position.
    pub(super) fn then(position: i64, was: TemplateAt) -> Self {
        Self::Then { position, was: Box::new(was) }
    }

    fn template_id(&self) -> TemplateId {
        match self {
            Self::Now(row) => row.id,
            Self::Then { was, .. } => was.id,
        }
    }

    fn owner(&self) -> Option<OrganizationId> {
        match self {
            Self::Now(row) => row.organization_id,
            Self::Then { was, .. } => was.organization_id,
        }
    }

    fn shown(&self) -> Option<i64> {
        match self {
            Self::Now(_) => None,
            Self::Then { position, .. } => Some(*position),
        }
    }
}

/// Contents that configurations share; as they are, or as they were at the moment that was asked for.
#[Object]
impl Template {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.template_id().to_string().into()
    }

    /// The moment of the past that it is shown at: the position of the last event that is in it. Null is the present.
    async fn shown_at(&self) -> Option<Position> {
        self.shown().map(Position)
    }

    /// The owner, as it is today; null is shared by all organizations.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        let Some(id) = self.owner() else { return Ok(None) };
        Ok(loaders(ctx)?.load_one(id).await.map_err(shared)?.map(Organization))
    }

    /// Do all organizations see it?
    async fn shared(&self) -> bool {
        self.owner().is_none()
    }

    /// Unique inside the organization.
    async fn name(&self) -> &str {
        match self {
            Self::Now(row) => &row.name,
            Self::Then { was, .. } => &was.name,
        }
    }

    /// Generator of its files, such as `netjsonconfig.OpenWrt`.
    async fn backend(&self) -> &str {
        match self {
            Self::Now(row) => &row.backend,
            Self::Then { was, .. } => &was.backend,
        }
    }

    /// NetJSON.
    async fn config(&self) -> JsonObject {
        match self {
            Self::Now(row) => JsonObject(row.config.clone()),
            Self::Then { was, .. } => JsonObject(was.config.clone()),
        }
    }

    /// Values of variables for devices that have no others.
    async fn default_values(&self) -> JsonObject {
        match self {
            Self::Now(row) => JsonObject(row.default_values.clone()),
            Self::Then { was, .. } => JsonObject(was.default_values.clone()),
        }
    }

    /// What agents ask for at registration.
    async fn tags(&self) -> &[String] {
        match self {
            Self::Now(row) => &row.tags,
            Self::Then { was, .. } => &was.tags,
        }
    }

    /// Do new devices get it?
    #[graphql(name = "default")]
    async fn is_default(&self) -> bool {
        match self {
            Self::Now(row) => row.flags.is_default(),
            Self::Then { was, .. } => was.flags.is_default(),
        }
    }

    /// Do all devices of the organization have it always?
    async fn required(&self) -> bool {
        match self {
            Self::Now(row) => row.flags.is_required(),
            Self::Then { was, .. } => was.flags.is_required(),
        }
    }

    /// What operators wrote down.
    async fn notes(&self) -> &str {
        match self {
            Self::Now(row) => &row.notes,
            Self::Then { was, .. } => &was.notes,
        }
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        match self {
            Self::Now(row) => row.created_at,
            Self::Then { was, .. } => was.created_at,
        }
    }

    /// When it was changed last.
    async fn modified_at(&self) -> DateTime<Utc> {
        match self {
            Self::Now(row) => row.modified_at,
            Self::Then { was, .. } => was.modified_at,
        }
    }

    /// What happened to it, the newest first; in the past up to that moment.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Events on the page: 20 if left out, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "A cursor: only older events.")] after: Option<String>,
        #[graphql(desc = "A cursor: only newer events.")] before: Option<String>,
    ) -> Result<EventList> {
        let object = ObjectRef::Template(self.template_id());
        Events { first, after, before }.of(ctx, object, self.shown()).await
    }

    /// The devices that have it, as far as the viewer may see them; of the present only.
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
        let Self::Now(row) = self else { return Err(not_then("devices")) };
        let window = Window { first, after, last, before };
        let wanted = Devices { filter, order_by, descending: descending.unwrap_or_default() };
        wanted.list(ctx, &window, |filter| filter.templates.push(row.id)).await
    }
}

/// The templates with these ids, in this order; those that the viewer may not see are left out.
pub(super) async fn in_order(ctx: &Context<'_>, ids: &[TemplateId]) -> Result<Vec<Template>> {
    let mut found = loaders(ctx)?.load_many(ids.iter().copied()).await.map_err(shared)?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).map(Template::Now).collect())
}

/// The same as they were after the event at a position; those that did not exist then are left out, too.
pub(super) async fn in_order_at(
    ctx: &Context<'_>,
    ids: &[TemplateId],
    position: i64,
) -> Result<Vec<Template>> {
    let (history, by) = (app(ctx)?.history(), by(ctx)?);
    let mut templates = Vec::with_capacity(ids.len());
    for id in ids {
        let found = history.template_at(by, *id, Moment::Position(position)).await;
        templates.extend(visible(found)?.map(|was| Template::then(position, was)));
    }
    Ok(templates)
}

/// Which templates are listed. What is left out filters nothing.
#[derive(Debug, Default, PartialEq, InputObject)]
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
    /// What can be asked of the past.
    fn past(mut self) -> Result<PastFilter> {
        let ids = self.ids.take().map(|ids| uuids("filter.ids", &ids)).transpose()?;
        let organizations = self.organization_ids.take();
        let organizations =
            organizations.map(|ids| uuids("filter.organizationIds", &ids)).transpose()?;
        let only_shared = std::mem::take(&mut self.shared);
        if self != Self::default() {
            return Err(history::not_of_the_past("filter", "ids, organizationIds and shared"));
        }
        let organizations =
            organizations.map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect());
        Ok(PastFilter { ids, organizations, only_shared })
    }

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
    /// One template; with `at` as it was at that moment.
    #[graphql(complexity = "history::cost(at.as_ref(), child_complexity)")]
    async fn template(
        &self,
        ctx: &Context<'_>,
        id: ID,
        #[graphql(desc = "Left out, it is now.")] at: Option<MomentInput>,
        min_position: Option<Position>,
    ) -> Result<Template> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let id = TemplateId::from_uuid(uuid("id", &id)?);
        let (app, by) = (app(ctx)?, by(ctx)?);
        if at.is_none() {
            return app.templates().get(by, id).await.map(Template::Now).map_err(failure);
        }
        let position = MomentInput::position(at, ctx, "at").await?;
        let was = app.history().template_at(by, id, Moment::Position(position)).await;
        was.map(|was| Template::then(position, was)).map_err(failure)
    }

    /// The templates that the viewer may see, shared ones included. With `asOf` those that there were at that moment, as they
    /// were, in the order in which they were made; `filter` can only hold `ids`, `organizationIds` and `shared` then.
    #[graphql(
        complexity = "cost(first, last, child_complexity) + history::list_cost(as_of.as_ref())"
    )]
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
        #[graphql(desc = "Left out, it is now.")] as_of: Option<MomentInput>,
    ) -> Result<Listed<Template>> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let window = Window { first, after, last, before };
        if as_of.is_some() {
            let created = order_by.is_none_or(|order| order == NamedOrderBy::Created);
            history::in_order_of_creation(created, descending)?;
            let position = MomentInput::position(as_of, ctx, "asOf").await?;
            let filter = filter.unwrap_or_default().past()?;
            let name = format!("templates:asOf:{position}");
            let stretch = window.stretch(&name)?;
            let at = Moment::Position(position);
            let found = app(ctx)?.history().templates_at(by(ctx)?, at, &filter, &stretch).await;
            let node = |was| Template::then(position, was);
            return Ok(page(found.map_err(failure)?, &name, &window, node));
        }
        let (order, name) = NamedOrderBy::of("templates", order_by, descending.unwrap_or_default());
        let filter = filter.unwrap_or_default().read()?;
        let templates = app(ctx)?.templates();
        let found = templates.stretch(by(ctx)?, filter, order, window.stretch(&name)?).await;
        Ok(page(found.map_err(failure)?, &name, &window, Template::Now))
    }
}
