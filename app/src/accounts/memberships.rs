//! Belonging to organizations, managing and owning them.

use domain::{
    OrganizationId, Permission, Problem, UserId,
    accounts::{Membership, User, UserCommand},
};
use projections::{
    accounts::{self, UserRow},
    organization,
};
use sha2::{Digest as _, Sha256};
use tracing::instrument;
use uuid::{Builder, Uuid};

use super::{Accounts, MODEL, NewMembership};
use crate::{By, Done, Failure, work::decide};

/// What REST calls an account's place in an organization by: computed, so that nobody has to store it.
pub fn membership_id(user: UserId, organization: OrganizationId) -> Uuid {
    let digest = Sha256::new()
        .chain_update(user.as_uuid().as_bytes())
        .chain_update(organization.as_uuid().as_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

impl Accounts<'_> {
    /// What makes the wanted place in an organization. The first manager of one becomes its owner.
    pub(super) async fn of_membership(
        &self,
        by: &By,
        row: &UserRow,
        wanted: Option<NewMembership>,
    ) -> Result<Vec<UserCommand>, Failure> {
        let Some(NewMembership { organization_id, manager }) = wanted else {
            return Ok(Vec::new());
        };
        let memberships = row.all_memberships();
        let held = memberships.iter().find(|one| one.organization_id == organization_id);
        if held.is_some_and(|held| held.manager == manager) {
            return Ok(Vec::new());
        }
        let permission =
            if held.is_some() { Permission::ChangeMembership } else { Permission::AddMembership };
        let unknown = || {
            let problem = Problem::Unknown(organization_id.to_string());
            Failure::field("organization_users.organization", problem)
        };
        let manages = by.authority.visible();
        if manages.is_some_and(|manages| !manages.contains(&organization_id))
            || organization::by_id(self.0.store(), crate::RULES, organization_id).await?.is_none()
        {
            return Err(unknown());
        }
        by.authority
            .require_membership(permission, row.person(&memberships), organization_id)
            .map_err(Self::denied_membership)?;
        let first = manager && self.ownerless(organization_id).await?;
        let join = UserCommand::Join(Membership { organization_id, manager, owner: first });
        if held.is_none() {
            return Ok(vec![join]);
        }
        let own = first.then_some(UserCommand::TakeOwnership(organization_id));
        let set = UserCommand::SetManager { organization_id, manager };
        Ok(std::iter::once(set).chain(own).collect())
    }

    /// Lets an account not belong to an organization any more.
    #[instrument(name = "user.leave", skip_all, fields(user.id = %id, organization.id = %organization))]
    pub async fn leave(
        &self,
        by: &By,
        id: UserId,
        organization: OrganizationId,
    ) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            Self::not_narrow(by, id)?;
            let row = self.person(by, id, Permission::DeleteMembership).await?;
            let memberships = row.all_memberships();
            let permission = Permission::DeleteMembership;
            by.authority
                .require_membership(permission, row.person(&memberships), organization)
                .map_err(Self::denied_membership)?;
            // Its tokens of before end with what it may no more.
            let was_there = memberships.iter().any(|one| one.organization_id == organization);
            let end = was_there.then_some(UserCommand::EndTokens);
            let leave = std::iter::once(UserCommand::Leave(organization)).chain(end).collect();
            work.handle_all::<User>(id.as_uuid(), leave).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Who owns an organization that the actor may see, if anybody does.
    pub async fn owner(
        &self,
        by: &By,
        organization: OrganizationId,
    ) -> Result<Option<UserId>, Failure> {
        by.authority
            .require(Permission::ViewOrganization, Some(organization))
            .map_err(|denied| Failure::denied(denied, "Organization"))?;
        Ok(accounts::owner_of(self.0.store(), organization).await?)
    }

    /// The manager of an organization whose place there has this id, see [`membership_id`].
    pub async fn manager(
        &self,
        by: &By,
        organization: OrganizationId,
        place: Uuid,
    ) -> Result<Option<UserId>, Failure> {
        by.authority
            .require(Permission::ViewMembership, Some(organization))
            .map_err(|denied| Failure::denied(denied, "Organization"))?;
        let managers = accounts::managers_of(self.0.store(), organization).await?;
        Ok(managers.into_iter().find(|manager| membership_id(*manager, organization) == place))
    }

    /// Hands an organization over to one of its managers; for superusers and its owner.
    #[instrument(name = "organization.hand_over", skip_all, fields(user.id = %to, organization.id = %organization))]
    pub async fn hand_over(
        &self,
        by: &By,
        organization: OrganizationId,
        to: UserId,
    ) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            by.authority
                .require_ownership(organization)
                .map_err(|denied| Failure::denied(denied, "Organization"))?;
            let row = accounts::by_id(self.0.store(), to).await?.ok_or(Failure::NotFound(MODEL))?;
            if !row.memberships.iter().any(|one| one.membership.organization_id == organization) {
                return Err(Failure::NotFound(MODEL));
            }
            let owner = accounts::owner_of(self.0.store(), organization).await?;
            if owner == Some(to) {
                return Ok(());
            }
            if let Some(owner) = owner {
                let give_up = UserCommand::GiveUpOwnership(organization);
                work.handle::<User>(owner.as_uuid(), give_up).await?;
            }
            work.handle::<User>(to.as_uuid(), UserCommand::TakeOwnership(organization)).await?;
            Ok(())
        })?;
        Ok(done)
    }
}
