//! What somebody may do, asked before it is tried.

use domain::{
    DeviceId, GroupId, OrganizationId, Permission, TemplateId, UserId, WebhookId,
    authority::ReadScope,
};
use projections::{accounts, device, group, noun::Noun, template, webhook};
use uuid::Uuid;

use crate::{App, By, Failure};

impl App {
    /// May the actor do this to this thing, or anywhere at all where none is named? An organization stands for everything in
    /// it. What the actor does not find cannot be done anything to; whether what is asked for fits the thing is another question.
    pub async fn can(
        &self,
        by: &By,
        permission: Permission,
        resource: Option<Uuid>,
    ) -> Result<bool, Failure> {
        let Some(id) = resource else {
            return Ok(by.authority.require_anywhere(permission).is_ok());
        };
        let Ok(scope) = by.authority.scope(permission) else { return Ok(false) };
        let Some(noun) = self.noun(by, id).await? else { return Ok(false) };
        let fits = match noun {
            Noun::Organization => true,
            Noun::Device => matches!(permission.model(), "device" | "secret"),
            Noun::Group => permission.model() == "devicegroup",
            Noun::Template => permission.model() == "template",
            Noun::PermissionGroup => permission.model() == "group",
            Noun::Webhook => permission.model() == "webhook",
            Noun::User => {
                matches!(permission.model(), "user" | "emailaddress" | "organizationuser")
            }
        };
        if !fits {
            return Ok(false);
        }
        let owner = match noun {
            Noun::Organization if permission == Permission::ChangeOwner => {
                return Ok(by.authority.require_ownership(OrganizationId::from_uuid(id)).is_ok());
            }
            Noun::Organization => Some(Some(OrganizationId::from_uuid(id))),
            Noun::User => return self.can_person(by, permission, UserId::from_uuid(id)).await,
            // The installation's, as what is shared.
            Noun::PermissionGroup => Some(None),
            noun => self.owner_of(&scope, noun, id).await?,
        };
        Ok(owner.is_some_and(|owner| by.authority.require(permission, owner).is_ok()))
    }

    /// Whose it is, if it is in reach.
    async fn owner_of(
        &self,
        scope: &ReadScope,
        noun: Noun,
        id: Uuid,
    ) -> Result<Option<Option<OrganizationId>>, Failure> {
        let store = self.store();
        Ok(match noun {
            Noun::Device => device::by_id(store, scope, DeviceId::from_uuid(id))
                .await?
                .map(|row| Some(row.organization_id)),
            Noun::Group => group::by_id(store, scope, GroupId::from_uuid(id))
                .await?
                .map(|row| Some(row.organization_id)),
            Noun::Template => template::by_id(store, scope, TemplateId::from_uuid(id))
                .await?
                .map(|row| row.organization_id),
            Noun::Webhook => webhook::by_id(store, scope, WebhookId::from_uuid(id))
                .await?
                .map(|row| row.organization_id),
            Noun::Organization | Noun::User | Noun::PermissionGroup => None,
        })
    }

    /// Reading concerns a common organization, everything else the account as a whole.
    async fn can_person(
        &self,
        by: &By,
        permission: Permission,
        id: UserId,
    ) -> Result<bool, Failure> {
        let Some(row) = accounts::by_id(self.store(), id).await? else { return Ok(false) };
        let memberships = row.all_memberships();
        let person = row.person(&memberships);
        let partly = matches!(
            permission,
            Permission::ViewUser
                | Permission::FindUser
                | Permission::ViewEmailAddress
                | Permission::ViewMembership
                | Permission::AddMembership
                | Permission::ChangeMembership
                | Permission::DeleteMembership
        );
        if partly {
            return Ok(by.authority.require_person(permission, person).is_ok());
        }
        let held =
            by.authority.is(id) || by.authority.require_holding(row.all_permissions()).is_ok();
        Ok(held && by.authority.require_account(permission, person).is_ok())
    }
}
