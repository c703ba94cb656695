//! `node(id)`, after the Relay specification.

use app::{Failure, JobId};
use async_graphql::{Context, ID, Interface, Object, Result};
use domain::{DeviceId, GroupId, OrganizationId, PermissionGroupId, TemplateId, UserId, WebhookId};
use projections::noun::Noun;

use super::{
    bulk::BulkOperation,
    device::Device,
    error::failure,
    group::Group,
    organization::Organization,
    permission_group::PermissionGroup,
    request::{app, by},
    scalar::uuid,
    template::Template,
    user::User,
    webhook::Webhook,
};

/// Anything that has an id of its own.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque and stable."))]
pub(super) enum Node {
    Organization(Organization),
    Device(Device),
    DeviceGroup(Group),
    Template(Template),
    BulkOperation(BulkOperation),
    User(User),
    PermissionGroup(PermissionGroup),
    Webhook(Webhook),
}

#[derive(Default)]
pub(super) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// What has this id; null where there is nothing that the viewer may see.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        let (app, by, id) = (app(ctx)?, by(ctx)?, uuid("id", &id)?);
        let node = match app.noun(by, id).await.map_err(failure)? {
            // Operations are no objects of the log: they are among the jobs, until they are forgotten.
            None => {
                let found = app.bulk().job(by, JobId::from_uuid(id)).await;
                found.map(|job| Node::BulkOperation(BulkOperation(job)))
            }
            Some(Noun::Organization) => {
                let found = app.organizations().get(by, OrganizationId::from_uuid(id)).await;
                found.map(|row| Node::Organization(Organization(row)))
            }
            Some(Noun::Device) => {
                let found = app.devices().row(by, DeviceId::from_uuid(id)).await;
                found.map(|row| Node::Device(Device::Now(row)))
            }
            Some(Noun::Group) => {
                let found = app.groups().get(by, GroupId::from_uuid(id)).await;
                found.map(|row| Node::DeviceGroup(Group::Now(row)))
            }
            Some(Noun::Template) => {
                let found = app.templates().get(by, TemplateId::from_uuid(id)).await;
                found.map(|row| Node::Template(Template::Now(row)))
            }
            Some(Noun::User) => {
                let found = app.accounts().get(by, UserId::from_uuid(id)).await;
                found.map(|user| Node::User(User(user)))
            }
            Some(Noun::PermissionGroup) => {
                let id = PermissionGroupId::from_uuid(id);
                let found = app.permission_groups().get(by, id).await;
                found.map(|row| Node::PermissionGroup(PermissionGroup(row)))
            }
            Some(Noun::Webhook) => {
                let found = app.webhooks().get(by, WebhookId::from_uuid(id)).await;
                found.map(|row| Node::Webhook(Webhook(row)))
            }
        };
        match node {
            Ok(node) => Ok(Some(node)),
            // What may not be seen does not exist.
            Err(Failure::NotFound(_) | Failure::Forbidden) => Ok(None),
            Err(error) => Err(failure(error)),
        }
    }
}
