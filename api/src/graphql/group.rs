//! Device groups.

use app::{GroupAt, Moment, ObjectRef, Reads};
use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{GroupId, OrganizationId, TemplateId};
use projections::{
    device::DeviceFilter,
    group::{GroupFilter, GroupRow},
};

use super::{
    connection::{Listed, Window, cost, page},
    device::{Device, DeviceFilterInput, DeviceOrderBy, Devices},
    error::{failure, shared},
    history::{self, EventList, Events, MomentInput, not_then},
    organization::{NamedOrderBy, Organization},
    request::{app, by, loaders},
    scalar::{JsonObject, Position, uuid, uuids},
    settled::as_new_as,
    template::{Template, in_order, in_order_at},
};

mod mutation;

pub(super) use mutation::{ChangeDeviceGroupInput, GroupMutation, RemoveDeviceGroupInput};

/// Devices that share templates and variables; as they are or as they were.
#[expect(clippy::large_enum_variant, reason = "nearly all are of the present")]
pub(super) enum Group {
    /// At present.
    Now(GroupRow),
    /// At a moment of the past.
    Then {
        /// The last event that is in it.
        position: i64,
        /// The group.
        was: Box<GroupAt>,
    },
}

impl Group {
    /// As it was after the event at a position.
    pub(super) fn then(position: i64, was: GroupAt) -> Self {
        Self::Then { position, was: Box::new(was) }
    }

    fn group_id(&self) -> GroupId {
        match self {
            Self::Now(row) => row.id,
            Self::Then { was, .. } => was.id,
        }
    }

    fn shown(&self) -> Option<i64> {
        match self {
            Self::Now(_) => None,
            Self::Then { position, .. } => Some(*position),
        }
    }
}

/// Devices that share templates and variables; as they are, or as they were at the moment that was asked for.
#[Object(name = "DeviceGroup")]
impl Group {
    /// Opaque and stable.
    pub(super) async fn id(&self) -> ID {
        self.group_id().to_string().into()
    }

    /// The moment of the past that it is shown at: the position of the last event that is in it. Null is the present.
    async fn shown_at(&self) -> Option<Position> {
        self.shown().map(Position)
    }

    /// The owner, as it is today.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        let id = match self {
            Self::Now(row) => row.organization_id,
            Self::Then { was, .. } => was.organization_id,
        };
        Ok(loaders(ctx)?.load_one(id).await.map_err(shared)?.map(Organization))
    }

    /// Unique inside the organization.
    async fn name(&self) -> &str {
        match self {
            Self::Now(row) => &row.name,
            Self::Then { was, .. } => &was.name,
        }
    }

    /// Free text.
    async fn description(&self) -> &str {
        match self {
            Self::Now(row) => &row.description,
            Self::Then { was, .. } => &was.description,
        }
    }

    /// Templates that its devices have, first to last; in the past as they were then.
    async fn templates(&self, ctx: &Context<'_>) -> Result<Vec<Template>> {
        match self {
            Self::Now(row) => in_order(ctx, &row.templates).await,
            Self::Then { position, was } => in_order_at(ctx, &was.templates, *position).await,
        }
    }

    /// Configuration variables that its devices have.
    async fn variables(&self) -> JsonObject {
        JsonObject(match self {
            Self::Now(row) => row.variables.clone(),
            Self::Then { was, .. } => was.variables.clone(),
        })
    }

    /// Whatever operators keep with a group.
    async fn meta_data(&self) -> JsonObject {
        JsonObject(match self {
            Self::Now(row) => row.meta_data.clone(),
            Self::Then { was, .. } => was.meta_data.clone(),
        })
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
        let object = ObjectRef::Group(self.group_id());
        Events { first, after, before }.of(ctx, object, self.shown()).await
    }

    /// Its devices; of the present only.
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
        let here = |filter: &mut DeviceFilter| {
            if filter.group.replace(row.id).is_some_and(|wanted| wanted != row.id) {
                filter.ids = Some(Vec::new());
            }
        };
        wanted.list(ctx, &window, here).await
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
    /// One device group; with `at` as it was at that moment.
    #[graphql(complexity = "history::cost(at.as_ref(), child_complexity)")]
    async fn device_group(
        &self,
        ctx: &Context<'_>,
        id: ID,
        #[graphql(desc = "Left out, it is now.")] at: Option<MomentInput>,
        min_position: Option<Position>,
    ) -> Result<Group> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let id = GroupId::from_uuid(uuid("id", &id)?);
        let (app, by) = (app(ctx)?, by(ctx)?);
        if at.is_none() {
            return app.groups().get(by, id).await.map(Group::Now).map_err(failure);
        }
        let position = MomentInput::position(at, ctx, "at").await?;
        let was = app.history().group_at(by, id, Moment::Position(position)).await;
        was.map(|was| Group::then(position, was)).map_err(failure)
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
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let window = Window { first, after, last, before };
        let (order, name) =
            NamedOrderBy::of("deviceGroups", order_by, descending.unwrap_or_default());
        let filter = filter.unwrap_or_default().read()?;
        let groups = app(ctx)?.groups();
        let found = groups.stretch(by(ctx)?, filter, order, window.stretch(&name)?).await;
        Ok(page(found.map_err(failure)?, &name, &window, Group::Now))
    }
}
