//! Who may see and change whom (manual 03, "Organization Membership and Roles").

use super::{Authority, Denied, Permission, Permissions, Scope};
use crate::{OrganizationId, UserId, accounts::Membership};

/// What the policy looks at in the account that something is done to.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// Whose account it is.
    pub id: UserId,
    /// May it do everything?
    pub superuser: bool,
    /// Its organizations.
    pub memberships: &'a [Membership],
}

impl Authority {
    /// May this be done to the account as far as it concerns a common organization: reading it, taking part in listing it?
    /// Superusers exist for superusers only.
    pub fn require_person(&self, permission: Permission, person: Person<'_>) -> Result<(), Denied> {
        self.require_anywhere(permission)?;
        let manages = match &self.scope {
            Scope::Member { manages, .. } | Scope::Token { manages: Some(manages), .. } => manages,
            // A superuser's token reaches everywhere, and is no superuser.
            Scope::Token { manages: None, .. } if person.superuser => return Err(Denied::Hidden),
            _ => return Ok(()),
        };
        let shared = person.memberships.iter().any(|one| manages.contains(&one.organization_id));
        if shared && !person.superuser { Ok(()) } else { Err(Denied::Hidden) }
    }

    /// May this be done to the account itself, which is the same in all its organizations? Only where the actor manages all
    /// of them; the owner of an organization is changed by nobody but superusers and themselves.
    pub fn require_account(
        &self,
        permission: Permission,
        person: Person<'_>,
    ) -> Result<(), Denied> {
        self.require_person(permission, person)?;
        let (Scope::Member { manages, .. } | Scope::Token { manages: Some(manages), .. }) =
            &self.scope
        else {
            return Ok(());
        };
        let all = person.memberships.iter().all(|one| manages.contains(&one.organization_id));
        let owner = person.memberships.iter().any(|one| one.owner);
        if all && (!owner || self.is(person.id)) { Ok(()) } else { Err(Denied::Forbidden) }
    }

    /// May the account's place in one organization be changed? An owner's only by superusers.
    pub fn require_membership(
        &self,
        permission: Permission,
        person: Person<'_>,
        organization: OrganizationId,
    ) -> Result<(), Denied> {
        self.require(permission, Some(organization))?;
        let owner =
            person.memberships.iter().any(|one| one.organization_id == organization && one.owner);
        if owner && !self.is_unlimited() { Err(Denied::Forbidden) } else { Ok(()) }
    }

    /// May the actor hand the organization over? Superusers and its owner.
    pub fn require_ownership(&self, organization: OrganizationId) -> Result<(), Denied> {
        self.require(Permission::ChangeOwner, Some(organization))?;
        match &self.scope {
            Scope::Member { owns, .. } if !owns.contains(&organization) => Err(Denied::Forbidden),
            Scope::Token { .. } => Err(Denied::Forbidden),
            _ => Ok(()),
        }
    }

    /// May the actor give these permissions to somebody, or take them? Nobody gives what they do not hold.
    pub fn require_holding(&self, permissions: Permissions) -> Result<(), Denied> {
        match &self.scope {
            Scope::Everything => Ok(()),
            Scope::Member { permissions: held, .. } | Scope::Token { permissions: held, .. }
                if held.include(permissions) =>
            {
                Ok(())
            }
            Scope::Member { .. } | Scope::Token { .. } => Err(Denied::Forbidden),
            Scope::Registration(_) | Scope::Device(..) => Err(Denied::Hidden),
        }
    }

    /// Is it this account that acts?
    pub fn is(&self, user: UserId) -> bool {
        self.actor == super::Actor::User(user)
    }

    /// Is it this account that acts, with all that it has? Asked before what nobody but oneself may do.
    pub fn is_wholly(&self, user: UserId) -> bool {
        self.is(user) && !self.is_narrowed()
    }
}
