use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{UserError, UserEvent};
use crate::{OrganizationId, UserId};

/// Most organizations that an account belongs to.
const MOST: usize = 1_000;

/// Belonging to an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Membership {
    /// Which.
    pub organization_id: OrganizationId,
    /// Manages it, rather than only belonging to it.
    pub manager: bool,
    /// Owns it; an organization has at most one owner, who is one of its managers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owner: bool,
}

/// The rules of belonging.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memberships<'a> {
    pub(super) user_id: UserId,
    pub(super) held: &'a [Membership],
}

impl Memberships<'_> {
    fn of(self, organization: OrganizationId) -> Result<Membership, UserError> {
        let held = self.held.iter().find(|held| held.organization_id == organization);
        held.copied().ok_or(UserError::NotAMember)
    }

    pub(super) fn join(self, new: Membership) -> Result<Option<UserEvent>, UserError> {
        if new.owner && !new.manager {
            return Err(UserError::NotAManager);
        }
        match self.of(new.organization_id) {
            Ok(held) if held == new => Ok(None),
            Ok(_) => self.set_manager(new.organization_id, new.manager),
            Err(_) if self.held.len() >= MOST => Err(UserError::TooManyMemberships),
            Err(_) => {
                Ok(Some(UserEvent::MembershipAdded { user_id: self.user_id, membership: new }))
            }
        }
    }

    pub(super) fn set_manager(
        self,
        organization_id: OrganizationId,
        manager: bool,
    ) -> Result<Option<UserEvent>, UserError> {
        let held = self.of(organization_id)?;
        if held.owner && !manager {
            return Err(UserError::IsOwner);
        }
        let user_id = self.user_id;
        Ok((held.manager != manager).then_some(UserEvent::MembershipChanged {
            user_id,
            organization_id,
            manager,
        }))
    }

    pub(super) fn leave(
        self,
        organization_id: OrganizationId,
    ) -> Result<Option<UserEvent>, UserError> {
        let user_id = self.user_id;
        match self.of(organization_id) {
            Ok(held) if held.owner => Err(UserError::IsOwner),
            Ok(_) => Ok(Some(UserEvent::MembershipRemoved { user_id, organization_id })),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn take_ownership(
        self,
        organization_id: OrganizationId,
    ) -> Result<Option<UserEvent>, UserError> {
        let held = self.of(organization_id)?;
        if !held.manager {
            return Err(UserError::NotAManager);
        }
        let user_id = self.user_id;
        Ok((!held.owner).then_some(UserEvent::OwnershipTaken { user_id, organization_id }))
    }

    pub(super) fn give_up_ownership(self, organization_id: OrganizationId) -> Option<UserEvent> {
        let user_id = self.user_id;
        let owner = self.of(organization_id).is_ok_and(|held| held.owner);
        owner.then_some(UserEvent::OwnershipGivenUp { user_id, organization_id })
    }
}
