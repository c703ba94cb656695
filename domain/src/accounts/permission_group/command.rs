use crate::{PermissionGroupId, Permissions};

/// What can be asked of a permission group.
#[derive(Clone, Debug, PartialEq)]
pub enum PermissionGroupCommand {
    /// Make a group.
    Create(CreatePermissionGroup),
    /// Give it another name, at most 150 characters.
    Rename(String),
    /// Let it allow these things and no others.
    ChangePermissions(Permissions),
    /// Let a group that came with the installation allow what the program learned since, once.
    Introduce(Permissions),
    /// Let it not exist any more.
    Remove,
}

/// The facts of a new group.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePermissionGroup {
    /// Chosen by the caller.
    pub id: PermissionGroupId,
    /// What REST calls it by; given once and never again.
    pub number: u32,
    /// 1–150 characters.
    pub name: String,
    /// What it allows.
    pub permissions: Permissions,
}
