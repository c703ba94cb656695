//! Whose rows a question to the tables reaches.

use super::{Authority, Denied, Permission};
use crate::OrganizationId;

/// Whose rows a question to the tables reaches. Only the policy makes one: what reads tables with an owner asks for it, and so
/// cannot be asked before the policy was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadScope {
    /// None is all.
    organizations: Option<Vec<OrganizationId>>,
}

impl ReadScope {
    /// All rows, for rules and the program's own work: which names are taken, what a configuration is made of, who logs in. What
    /// is read so is no answer to anybody; whoever shows it asks the policy about each row.
    pub const fn of_rules() -> Self {
        Self { organizations: None }
    }

    /// Rows of these organizations and no others; none is all of them.
    pub fn organizations(&self) -> Option<&[OrganizationId]> {
        self.organizations.as_deref()
    }

    /// Those of the wanted organizations that are in reach; none wants all.
    pub fn within(&self, wanted: Option<&[OrganizationId]>) -> Option<Vec<OrganizationId>> {
        match (&self.organizations, wanted) {
            (None, wanted) => wanted.map(<[_]>::to_vec),
            (Some(reached), None) => Some(reached.clone()),
            (Some(reached), Some(wanted)) => {
                Some(wanted.iter().copied().filter(|id| reached.contains(id)).collect())
            }
        }
    }
}

impl Authority {
    /// Where this may be done, if it may be done anywhere.
    pub fn scope(&self, permission: Permission) -> Result<ReadScope, Denied> {
        self.require_anywhere(permission)?;
        Ok(self.reach())
    }

    /// Where anything may be done at all; nowhere for those who manage nothing.
    pub fn reach(&self) -> ReadScope {
        ReadScope { organizations: self.visible() }
    }
}
