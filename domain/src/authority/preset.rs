//! Sets of permissions for common jobs, ready to be made into permission groups.

use super::{Permission, Permissions};

/// What a permission group for a common job allows. Unlike the groups that come with the installation these are made when
/// somebody wants them. Everything else is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Finds single people who call, and reads what is kept about them.
    HelpDesk1,
    /// Browses people, registers and manages them, and sees who belongs where.
    HelpDesk2,
    /// Registers people, and finds those who are registered.
    Registrant,
    /// Looks at people and devices, and changes nothing.
    Boss,
}

impl Preset {
    /// All.
    pub const ALL: [Self; 4] = [Self::HelpDesk1, Self::HelpDesk2, Self::Registrant, Self::Boss];

    /// How the group is called where nobody says otherwise.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HelpDesk1 => "Help desk 1",
            Self::HelpDesk2 => "Help desk 2",
            Self::Registrant => "Registrant",
            Self::Boss => "Boss",
        }
    }

    /// What it allows.
    pub fn permissions(self) -> Permissions {
        use Permission::{
            AddMembership, AddUser, ChangeMembership, ChangeUser, FindUser, ViewDevice, ViewGroup,
            ViewMembership, ViewOrganization, ViewTemplate, ViewUser,
        };
        let permissions: &[Permission] = match self {
            Self::HelpDesk1 => &[FindUser],
            Self::HelpDesk2 => {
                &[ViewUser, AddUser, ChangeUser, ViewMembership, AddMembership, ChangeMembership]
            }
            Self::Registrant => &[AddUser, FindUser],
            Self::Boss => {
                &[ViewUser, ViewMembership, ViewOrganization, ViewDevice, ViewGroup, ViewTemplate]
            }
        };
        permissions.iter().copied().collect::<Permissions>().effective()
    }
}
