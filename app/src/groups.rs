//! Device groups.

use domain::{
    Document, FieldError, GroupId, OrganizationId, Permission, Problem, TemplateId,
    authority::ReadScope,
    device::{CreateGroup, Group, GroupCommand},
};
use projections::{
    NamedOrder, Order, Page, Slice, Stretch, Stretched,
    group::{self, GroupFilter, GroupRow},
    template,
};
use tracing::instrument;

use crate::{App, By, Done, Failure, Refusal, work::decide};

/// Use cases of device groups; see [`App::groups`].
pub struct Groups<'a>(pub(crate) &'a App);

/// A group that is to be.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Chosen by the caller.
    pub id: GroupId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Unique inside the organization.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Of the organization or shared, neither default nor required.
    pub templates: Vec<TemplateId>,
    /// Configuration variables.
    pub context: Document,
    /// Whatever operators keep with a group.
    pub meta_data: Document,
}

/// New values for some of a group; `None` leaves the old one.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    /// Must be the one it has.
    pub organization_id: Option<OrganizationId>,
    /// Unique inside the organization.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// All of them, in order.
    pub templates: Option<Vec<TemplateId>>,
    /// All of them.
    pub context: Option<Document>,
    /// All of it.
    pub meta_data: Option<Document>,
}

const MODEL: &str = "DeviceGroup";

impl Groups<'_> {
    /// Makes a group.
    #[instrument(name = "device_group.create", skip_all, fields(group.id = %new.id))]
    pub async fn create(&self, by: &By, new: NewGroup) -> Result<Done, Failure> {
        by.authority
            .require_anywhere(Permission::AddGroup)
            .map_err(|denied| Failure::denied(denied, MODEL))?;
        let owner = self.0.devices();
        owner.owner(by, Permission::AddGroup, new.organization_id).await?;
        self.0.unused(new.id.as_uuid()).await?;
        self.0.configurations().refuse_variables("context", None, &new.context)?;
        let create = GroupCommand::Create(CreateGroup {
            id: new.id,
            organization_id: new.organization_id,
            name: new.name,
            description: new.description,
            templates: new.templates.clone(),
            variables: new.context,
            meta_data: new.meta_data,
        });
        let (_, done) = decide!(self.0, by, work => {
            self.fitting(by, new.organization_id, &new.templates).await?;
            work.handle::<Group>(new.id.as_uuid(), create.clone()).await
        })?;
        Ok(done)
    }

    /// Changes a group; its devices follow in the background.
    #[instrument(name = "device_group.change", skip_all, fields(group.id = %id))]
    pub async fn change(&self, by: &By, id: GroupId, change: GroupChange) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            let row = self.group(by, id, Permission::ChangeGroup).await?;
            if change.organization_id.is_some_and(|wanted| wanted != row.organization_id) {
                return Err(Failure::Refused(Refusal::OrganizationFixed));
            }
            if let Some(templates) = &change.templates {
                self.fitting(by, row.organization_id, templates).await?;
            }
            if let Some(context) = &change.context {
                let held = Some(&row.variables);
                self.0.configurations().refuse_variables("context", held, context)?;
            }
            let commands = [
                change.name.clone().map(GroupCommand::Rename),
                change.description.clone().map(GroupCommand::ChangeDescription),
                change.templates.clone().map(GroupCommand::ChangeTemplates),
                change.context.clone().map(GroupCommand::ChangeVariables),
                change.meta_data.clone().map(GroupCommand::ChangeMetaData),
            ];
            let commands = commands.into_iter().flatten().collect();
            work.handle_all::<Group>(id.as_uuid(), commands).await?;
            let field = if change.context.is_some() { "context" } else { "templates" };
            self.0.previews().refuse_shared(field, &work.events()?).await
        })?;
        Ok(done)
    }

    /// Lets a group not exist any more; its devices are in none from then on.
    #[instrument(name = "device_group.remove", skip_all, fields(group.id = %id))]
    pub async fn remove(&self, by: &By, id: GroupId) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            self.group(by, id, Permission::DeleteGroup).await?;
            work.handle::<Group>(id.as_uuid(), GroupCommand::Remove).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// One group.
    pub async fn get(&self, by: &By, id: GroupId) -> Result<GroupRow, Failure> {
        self.group(by, id, Permission::ViewGroup).await
    }

    /// A stretch of the groups that the actor may see.
    pub async fn stretch(
        &self,
        by: &By,
        filter: GroupFilter,
        order: (NamedOrder, bool),
        stretch: Stretch,
    ) -> Result<Stretched<GroupRow>, Failure> {
        let scope = reach(by, Permission::ViewGroup)?;
        Ok(group::stretch(self.0.store(), &scope, &filter, order, stretch).await?)
    }

    /// Those of these groups that exist for the actor, in no particular order; at most 1000.
    pub async fn rows(&self, by: &By, ids: &[GroupId]) -> Result<Vec<GroupRow>, Failure> {
        let filter = GroupFilter { ids: Some(ids.to_vec()), ..GroupFilter::default() };
        let page = Page { limit: 1000, offset: 0 };
        Ok(self.list(by, filter, Order::NewestFirst, page).await?.rows)
    }

    /// A page of the groups that the actor may see.
    pub async fn list(
        &self,
        by: &By,
        filter: GroupFilter,
        order: Order,
        page: Page,
    ) -> Result<Slice<GroupRow>, Failure> {
        let scope = reach(by, Permission::ViewGroup)?;
        Ok(group::list(self.0.store(), &scope, &filter, order, page).await?)
    }

    async fn group(
        &self,
        by: &By,
        id: GroupId,
        permission: Permission,
    ) -> Result<GroupRow, Failure> {
        let denied = |denied| Failure::denied(denied, MODEL);
        let scope = reach(by, permission)?;
        let row = group::by_id(self.0.store(), &scope, id).await?;
        let row = row.ok_or(Failure::NotFound(MODEL))?;
        by.authority.require(permission, Some(row.organization_id)).map_err(denied)?;
        Ok(row)
    }

    /// Templates of a group exist, are the organization's or shared, and neither default nor required:
    /// those the devices have anyway.
    async fn fitting(
        &self,
        by: &By,
        organization: OrganizationId,
        ids: &[TemplateId],
    ) -> Result<(), Failure> {
        let rows = template::by_ids(self.0.store(), crate::RULES, ids).await?;
        let visible = by.authority.visible();
        let (mut foreign, mut default) = (Vec::new(), Vec::new());
        for id in ids {
            let unknown = || {
                let problem = Problem::Unknown(id.to_string());
                Failure::Invalid(vec![FieldError::new("templates", problem)])
            };
            let row = rows.iter().find(|row| row.id == *id).ok_or_else(unknown)?;
            if let Some(owner) = row.organization_id.filter(|owner| *owner != organization) {
                if visible.as_ref().is_some_and(|visible| !visible.contains(&owner)) {
                    return Err(unknown());
                }
                foreign.push(row.name.clone());
            } else if row.flags.is_default() {
                default.push(row.name.clone());
            }
        }
        if !foreign.is_empty() {
            return Err(Failure::Refused(Refusal::ForeignTemplates { names: foreign }));
        }
        if !default.is_empty() {
            return Err(Failure::Refused(Refusal::DefaultTemplatesInGroup { names: default }));
        }
        Ok(())
    }
}

/// Where the actor may do this to groups.
fn reach(by: &By, permission: Permission) -> Result<ReadScope, Failure> {
    by.authority.scope(permission).map_err(|denied| Failure::denied(denied, MODEL))
}
