use serde::{Deserialize, Serialize};

use super::{
    CreatePermissionGroup, PermissionGroupCommand, PermissionGroupCreated, PermissionGroupError,
    PermissionGroupEvent,
};
use crate::{FieldError, Permissions, fact::aggregate, field};

/// Just enough state to decide the next command.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum PermissionGroup {
    /// No event yet.
    #[default]
    Unknown,
    /// A group.
    Known {
        /// Unique.
        name: String,
        /// What it allows.
        permissions: Permissions,
        /// What it was given at its creation and by newer programs since: never given twice, so that what somebody took away
        /// stays away.
        introduced: Permissions,
    },
    /// It existed once.
    Removed,
}

aggregate!(
    PermissionGroup,
    "permission_group",
    PermissionGroupCommand,
    PermissionGroupEvent,
    PermissionGroupError
);

impl PermissionGroup {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(
        &self,
        command: PermissionGroupCommand,
    ) -> Result<Vec<PermissionGroupEvent>, PermissionGroupError> {
        let (name, permissions, introduced) = match (self, &command) {
            (Self::Unknown, PermissionGroupCommand::Create(new)) => return create(new),
            (Self::Known { .. } | Self::Removed, PermissionGroupCommand::Create(_)) => {
                return Err(PermissionGroupError::Exists);
            }
            (
                Self::Removed,
                PermissionGroupCommand::Remove | PermissionGroupCommand::Introduce(_),
            ) => {
                return Ok(Vec::new());
            }
            (Self::Unknown | Self::Removed, _) => return Err(PermissionGroupError::Unknown),
            (Self::Known { name, permissions, introduced }, _) => (name, *permissions, *introduced),
        };
        let event = match command {
            PermissionGroupCommand::Create(_) => None,
            PermissionGroupCommand::Rename(to) => {
                let to = checked_name(&to)?;
                (to != *name).then(|| PermissionGroupEvent::Renamed { from: name.clone(), to })
            }
            PermissionGroupCommand::ChangePermissions(to) => (to != permissions)
                .then_some(PermissionGroupEvent::PermissionsChanged { from: permissions, to }),
            PermissionGroupCommand::Introduce(defaults) => {
                let permissions = defaults.without(introduced);
                (!permissions.is_empty())
                    .then_some(PermissionGroupEvent::PermissionsIntroduced { permissions })
            }
            PermissionGroupCommand::Remove => {
                Some(PermissionGroupEvent::Removed { name: name.clone() })
            }
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: PermissionGroupEvent) {
        match (&mut *self, event) {
            (Self::Unknown, PermissionGroupEvent::Created(created)) => {
                *self = Self::Known {
                    name: created.name,
                    permissions: created.permissions,
                    introduced: created.permissions,
                };
            }
            (Self::Known { name, .. }, PermissionGroupEvent::Renamed { to, .. }) => *name = to,
            (
                Self::Known { permissions, .. },
                PermissionGroupEvent::PermissionsChanged { to, .. },
            ) => {
                *permissions = to;
            }
            (
                Self::Known { permissions, introduced, .. },
                PermissionGroupEvent::PermissionsIntroduced { permissions: new },
            ) => {
                *permissions = permissions.union(new);
                *introduced = introduced.union(new);
            }
            (Self::Known { .. }, PermissionGroupEvent::Removed { .. }) => *self = Self::Removed,
            _ => {}
        }
    }
}

fn create(new: &CreatePermissionGroup) -> Result<Vec<PermissionGroupEvent>, PermissionGroupError> {
    Ok(vec![PermissionGroupEvent::Created(PermissionGroupCreated {
        group_id: new.id,
        number: new.number,
        name: checked_name(&new.name)?,
        permissions: new.permissions,
    })])
}

fn checked_name(name: &str) -> Result<String, FieldError> {
    field::name(name, 150).map_err(|problem| FieldError::new("name", problem))
}
