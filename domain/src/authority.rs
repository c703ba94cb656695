//! Who may do what: a pure policy, asked first in every use case (manual 03, "Permissions").

mod permission;
mod person;
mod preset;
mod role;
mod scope;
#[cfg(test)]
mod tests;
mod token;

use std::fmt;

use crate::{DeviceId, OrganizationId, UserId};

pub use permission::{Permission, Permissions, UnknownPermission};
pub use person::Person;
pub use preset::Preset;
pub use role::Role;
pub use scope::ReadScope;
pub use token::TokenScope;

/// Who acts; what is written into the log as the event's actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person or program with an account.
    User(UserId),
    /// A device that proved its key.
    Device(DeviceId),
    /// An agent that knows an organization's registration secret.
    Agent(OrganizationId),
    /// A part of this program.
    System(&'static str),
    /// Somebody on the machine itself, through the control socket or the data folder.
    Local(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Device(id) => write!(f, "device:{id}"),
            Self::Agent(id) => write!(f, "agent:{id}"),
            Self::System(worker) => write!(f, "system:{worker}"),
            Self::Local(user) => write!(f, "local:{user}"),
        }
    }
}

/// What an actor is allowed, looked up once per request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Who.
    pub actor: Actor,
    /// How far.
    pub scope: Scope,
}

/// How far an authority reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Superusers, the program itself, and people on the machine.
    Everything,
    /// An account.
    Member {
        /// The user's own and those of the user's permission groups.
        permissions: Permissions,
        /// Organizations whose manager the user is, as far as they are served.
        manages: Vec<OrganizationId>,
        /// Those of them that the user owns.
        owns: Vec<OrganizationId>,
        /// Organizations that the user belongs to, those included.
        belongs: Vec<OrganizationId>,
    },
    /// An account through a token that goes less far than the account itself.
    Token {
        /// What the token may, of what the account may.
        permissions: Permissions,
        /// Organizations that it reaches, as far as they are served; none is all there are, and shared objects with them.
        manages: Option<Vec<OrganizationId>>,
    },
    /// An agent at the door: may register devices of this organization and nothing else.
    Registration(OrganizationId),
    /// A device that proved its key: its organization's devices as far as this policy goes; use cases of agents reach for
    /// the device that proved it and no other.
    Device(DeviceId, OrganizationId),
}

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Known to exist, but not for this actor.
    #[error("you do not have permission to perform this action")]
    Forbidden,
    /// The actor must not learn whether it exists.
    #[error("not found")]
    Hidden,
}

impl Authority {
    /// The program itself.
    pub fn system(worker: &'static str) -> Self {
        Self { actor: Actor::System(worker), scope: Scope::Everything }
    }

    /// May this be done in this organization? `None` means a shared object, which belongs to all.
    pub fn require(
        &self,
        permission: Permission,
        organization: Option<OrganizationId>,
    ) -> Result<(), Denied> {
        match &self.scope {
            Scope::Everything => Ok(()),
            Scope::Member { permissions, manages, .. } => {
                if manages.is_empty() || !permissions.holds(permission) {
                    return Err(Denied::Forbidden);
                }
                match organization {
                    Some(organization) if manages.contains(&organization) => Ok(()),
                    Some(_) => Err(Denied::Hidden),
                    None if permission.reads() => Ok(()),
                    None => Err(Denied::Forbidden),
                }
            }
            Scope::Token { permissions, manages } => {
                if manages.as_ref().is_some_and(Vec::is_empty) || !permissions.holds(permission) {
                    return Err(Denied::Forbidden);
                }
                match (organization, manages) {
                    (_, None) => Ok(()),
                    (Some(organization), Some(manages)) if manages.contains(&organization) => {
                        Ok(())
                    }
                    (Some(_), Some(_)) => Err(Denied::Hidden),
                    (None, Some(_)) if permission.reads() => Ok(()),
                    (None, Some(_)) => Err(Denied::Forbidden),
                }
            }
            Scope::Registration(theirs) => match (permission, organization) {
                (Permission::AddDevice | Permission::ChangeDevice, Some(organization))
                    if organization == *theirs =>
                {
                    Ok(())
                }
                _ => Err(Denied::Hidden),
            },
            Scope::Device(_, theirs) => match (permission, organization) {
                (Permission::ViewDevice | Permission::ChangeDevice, Some(organization))
                    if organization == *theirs =>
                {
                    Ok(())
                }
                _ => Err(Denied::Hidden),
            },
        }
    }

    /// May this be done somewhere, at least? Asked before lists and before bodies are looked at.
    pub fn require_anywhere(&self, permission: Permission) -> Result<(), Denied> {
        match &self.scope {
            Scope::Everything => Ok(()),
            Scope::Member { permissions, manages, .. }
                if !manages.is_empty() && permissions.holds(permission) =>
            {
                Ok(())
            }
            Scope::Token { permissions, manages }
                if !manages.as_ref().is_some_and(Vec::is_empty)
                    && permissions.holds(permission) =>
            {
                Ok(())
            }
            Scope::Member { .. } | Scope::Token { .. } => Err(Denied::Forbidden),
            Scope::Registration(_) | Scope::Device(..) => Err(Denied::Hidden),
        }
    }

    /// The organizations whose objects may be seen; none means all.
    pub fn visible(&self) -> Option<Vec<OrganizationId>> {
        match &self.scope {
            Scope::Everything => None,
            Scope::Member { manages, .. } => Some(manages.clone()),
            Scope::Token { manages, .. } => manages.clone(),
            Scope::Registration(organization) | Scope::Device(_, organization) => {
                Some(vec![*organization])
            }
        }
    }

    /// Is it one of those that see everything?
    pub fn is_unlimited(&self) -> bool {
        self.scope == Scope::Everything
    }
}
