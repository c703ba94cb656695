//! Permission groups (manual 03, "Default Permission Groups").

use domain::{
    Permission, PermissionGroupId, Permissions,
    accounts::{CreatePermissionGroup, PermissionGroup, PermissionGroupCommand},
    authority::{Preset, Role},
};
use projections::{
    Page, Slice,
    accounts::{self, Numbered, PermissionGroupRow},
};
use tracing::instrument;

use crate::{
    App, By, Done, Failure,
    accounts::overtaken,
    work::{ATTEMPTS, decide},
};

/// Use cases of permission groups; see [`App::permission_groups`].
pub struct PermissionGroups<'a>(pub(crate) &'a App);

/// New values for some of a permission group; `None` leaves the old one.
#[derive(Clone, Debug, Default)]
pub struct PermissionGroupChange {
    /// Unique.
    pub name: Option<String>,
    /// All of them.
    pub permissions: Option<Permissions>,
}

pub(crate) const MODEL: &str = "Group";

impl PermissionGroups<'_> {
    /// Makes the groups that come with the installation where they never existed, and gives them what the program has learned
    /// since, once. At every start.
    pub async fn found(&self, by: &By) -> Result<(), Failure> {
        for role in Role::ALL {
            let id = role.group().as_uuid();
            let introduce = PermissionGroupCommand::Introduce(role.permissions());
            let create = PermissionGroupCommand::Create(CreatePermissionGroup {
                id: role.group(),
                number: role.number(),
                name: role.name().to_owned(),
                permissions: role.permissions(),
            });
            let founded = decide!(self.0, by, work => {
                work.handle::<PermissionGroup>(id, introduce.clone()).await
            });
            match founded {
                Ok(_) => {}
                Err(Failure::NotFound(_)) => {
                    decide!(self.0, by, work => {
                        work.handle::<PermissionGroup>(id, create.clone()).await
                    })?;
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Makes a group. Answers its number, too.
    #[instrument(name = "permission_group.create", skip_all, fields(group.id = %id))]
    pub async fn create(
        &self,
        by: &By,
        id: PermissionGroupId,
        name: &str,
        permissions: Permissions,
    ) -> Result<(u32, Done), Failure> {
        Self::require(by, Permission::AddPermissionGroup)?;
        let mut attempt = 0;
        loop {
            let last = accounts::last_number(self.0.store(), Numbered::PermissionGroup).await?;
            let number = last.saturating_add(1);
            let create = CreatePermissionGroup { id, number, name: name.to_owned(), permissions };
            let done = decide!(self.0, by, work => {
                let create = PermissionGroupCommand::Create(create.clone());
                work.handle::<PermissionGroup>(id.as_uuid(), create).await
            });
            match done {
                Err(failure) if overtaken(&failure) && attempt + 1 < ATTEMPTS => attempt += 1,
                done => return Ok((number, done?.1)),
            }
        }
    }

    /// Changes a group; who is in it may more or less from then on.
    #[instrument(name = "permission_group.change", skip_all, fields(group.id = %id))]
    pub async fn change(
        &self,
        by: &By,
        id: PermissionGroupId,
        change: PermissionGroupChange,
    ) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            Self::require(by, Permission::ChangePermissionGroup)?;
            let commands = [
                change.name.clone().map(PermissionGroupCommand::Rename),
                change.permissions.map(PermissionGroupCommand::ChangePermissions),
            ];
            let commands = commands.into_iter().flatten().collect();
            work.handle_all::<PermissionGroup>(id.as_uuid(), commands).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// Lets a group not exist any more; nobody is in it from then on.
    #[instrument(name = "permission_group.remove", skip_all, fields(group.id = %id))]
    pub async fn remove(&self, by: &By, id: PermissionGroupId) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            Self::require(by, Permission::DeletePermissionGroup)?;
            let known = accounts::permission_group(self.0.store(), id).await?;
            known.ok_or(Failure::NotFound(MODEL))?;
            work.handle::<PermissionGroup>(id.as_uuid(), PermissionGroupCommand::Remove).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// A page of groups, by name. They are the installation's, and the same for everybody who may see them.
    pub async fn list(&self, by: &By, page: Page) -> Result<Slice<PermissionGroupRow>, Failure> {
        Self::require(by, Permission::ViewPermissionGroup)?;
        Ok(accounts::groups(self.0.store(), page).await?)
    }

    /// What common jobs need, ready to be made into groups.
    pub fn presets(&self, by: &By) -> Result<[Preset; 4], Failure> {
        Self::require(by, Permission::ViewPermissionGroup)?;
        Ok(Preset::ALL)
    }

    /// One group.
    pub async fn get(&self, by: &By, id: PermissionGroupId) -> Result<PermissionGroupRow, Failure> {
        Self::require(by, Permission::ViewPermissionGroup)?;
        let row = accounts::permission_group(self.0.store(), id).await?;
        row.ok_or(Failure::NotFound(MODEL))
    }

    /// The group that REST calls by this number.
    pub async fn by_number(&self, by: &By, number: u32) -> Result<PermissionGroupRow, Failure> {
        Self::require(by, Permission::ViewPermissionGroup)?;
        let row = accounts::group_by_number(self.0.store(), number).await?;
        row.ok_or(Failure::NotFound(MODEL))
    }

    /// Groups belong to no organization: they are read like everything that is shared, and changed by superusers.
    fn require(by: &By, permission: Permission) -> Result<(), Failure> {
        by.authority.require(permission, None).map_err(|denied| Failure::denied(denied, MODEL))
    }
}
