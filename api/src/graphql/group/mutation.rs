//! Changing device groups.

use app::{GroupChange, NewGroup, Reads};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{GroupId, OrganizationId, TemplateId};

use super::Group;
use crate::graphql::{
    error::failure,
    request::{Removed, app, by, made, once},
    scalar::{JsonObject, uuid, uuids},
    settled::{Settled, settled},
};

/// A new device group.
#[derive(InputObject)]
struct CreateDeviceGroupInput {
    /// Chosen by the client: repeating the request with the same id never makes a second group.
    id: Option<ID>,
    /// The owner.
    organization_id: ID,
    /// Unique inside the organization.
    name: String,
    /// Free text.
    #[graphql(default)]
    description: String,
    /// Templates that its devices have, first to last; neither default nor required ones.
    #[graphql(default)]
    template_ids: Vec<ID>,
    /// Configuration variables that its devices have.
    variables: Option<JsonObject>,
    /// Whatever operators keep with a group.
    meta_data: Option<JsonObject>,
}

/// New values for some of a device group; what is left out stays.
#[derive(InputObject)]
pub(in crate::graphql) struct ChangeDeviceGroupInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which group.
    id: ID,
    /// Unique inside the organization.
    name: Option<String>,
    /// Free text.
    description: Option<String>,
    /// Templates that its devices have, all of them, first to last.
    template_ids: Option<Vec<ID>>,
    /// Configuration variables, all of them.
    variables: Option<JsonObject>,
    /// Whatever operators keep with a group, all of it.
    meta_data: Option<JsonObject>,
}

/// What is to be removed.
#[derive(InputObject)]
pub(in crate::graphql) struct RemoveDeviceGroupInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which group.
    id: ID,
}

/// A device group after a mutation.
#[derive(SimpleObject)]
struct DeviceGroupPayload {
    /// As it is now.
    device_group: Group,
    #[graphql(flatten)]
    settled: Settled,
}

fn templates(ids: &[ID]) -> Result<Vec<TemplateId>> {
    Ok(uuids("templateIds", ids)?.into_iter().map(TemplateId::from_uuid).collect())
}

impl ChangeDeviceGroupInput {
    /// Which group, and what is to be changed.
    pub(in crate::graphql) fn read(self) -> Result<(GroupId, GroupChange)> {
        let id = GroupId::from_uuid(uuid("id", &self.id)?);
        let change = GroupChange {
            organization_id: None,
            name: self.name,
            description: self.description,
            templates: self.template_ids.as_deref().map(templates).transpose()?,
            context: self.variables.map(|variables| variables.0),
            meta_data: self.meta_data.map(|data| data.0),
        };
        Ok((id, change))
    }
}

impl RemoveDeviceGroupInput {
    /// Which group.
    pub(in crate::graphql) fn read(&self) -> Result<GroupId> {
        uuid("id", &self.id).map(GroupId::from_uuid)
    }
}

async fn payload(ctx: &Context<'_>, id: GroupId, position: i64) -> Result<DeviceGroupPayload> {
    let settled = settled(ctx, Reads::Fleet, position).await?;
    let row = app(ctx)?.groups().get(by(ctx)?, id).await.map_err(failure)?;
    Ok(DeviceGroupPayload { device_group: Group::Now(row), settled })
}

#[derive(Default)]
pub(in crate::graphql) struct GroupMutation;

#[Object]
impl GroupMutation {
    /// Makes a device group.
    async fn create_device_group(
        &self,
        ctx: &Context<'_>,
        input: CreateDeviceGroupInput,
    ) -> Result<DeviceGroupPayload> {
        let (id, key) = made(ctx, input.id.as_ref())?;
        let new = NewGroup {
            id: GroupId::from_uuid(id),
            organization_id: OrganizationId::from_uuid(uuid(
                "organizationId",
                &input.organization_id,
            )?),
            name: input.name,
            description: input.description,
            templates: templates(&input.template_ids)?,
            context: input.variables.map(|variables| variables.0).unwrap_or_default(),
            meta_data: input.meta_data.map(|data| data.0).unwrap_or_default(),
        };
        let groups = app(ctx)?.groups();
        let done = once(ctx, key, |by| async move { groups.create(&by, new).await }).await?;
        payload(ctx, GroupId::from_uuid(id), done.position).await
    }

    /// Changes a device group; its devices follow in the background.
    async fn change_device_group(
        &self,
        ctx: &Context<'_>,
        mut input: ChangeDeviceGroupInput,
    ) -> Result<DeviceGroupPayload> {
        let key = input.client_mutation_id.take();
        let (groups, (id, change)) = (app(ctx)?.groups(), input.read()?);
        let done = once(ctx, key, |by| async move { groups.change(&by, id, change).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Lets a device group not exist any more; its devices are in none from then on.
    async fn remove_device_group(
        &self,
        ctx: &Context<'_>,
        input: RemoveDeviceGroupInput,
    ) -> Result<Removed> {
        let id = input.read()?;
        let (groups, key) = (app(ctx)?.groups(), input.client_mutation_id);
        let done = once(ctx, key, |by| async move { groups.remove(&by, id).await }).await?;
        Removed::new(ctx, Reads::Fleet, input.id, done).await
    }
}
