//! Templates.

use domain::{
    Document, OrganizationId, Permission, Problem, TemplateId,
    authority::ReadScope,
    configuration::{Backend, CreateTemplate, Template, TemplateCommand, TemplateFlags},
};
use projections::{
    NamedOrder, Order, Page, Slice, Stretch, Stretched, group,
    template::{self, TemplateFilter, TemplateRow},
};
use tracing::instrument;

use crate::{
    App, By, Configurations, Done, Failure, Refusal, configurations::Computation, work::decide,
};

/// Use cases of templates; see [`App::templates`].
pub struct Templates<'a>(pub(crate) &'a App);

/// A template that is to be.
#[derive(Clone, Debug)]
pub struct NewTemplate {
    /// Chosen by the caller.
    pub id: TemplateId,
    /// The owner; none is shared, which superusers alone may make.
    pub organization_id: Option<OrganizationId>,
    /// Unique inside the organization.
    pub name: String,
    /// Generator.
    pub backend: String,
    /// `NetJSON`, not empty.
    pub config: Document,
    /// Default values of variables.
    pub default_values: Document,
    /// What agents ask for at registration.
    pub tags: Vec<String>,
    /// Do new devices get it?
    pub default: bool,
    /// Do devices have it always? Then it is a default one too.
    pub required: bool,
    /// Free text.
    pub notes: String,
}

/// New values for some of a template; `None` leaves the old one.
#[derive(Clone, Debug, Default)]
pub struct TemplateChange {
    /// Another owner; `Some(None)` is shared.
    pub organization_id: Option<Option<OrganizationId>>,
    /// Unique inside the organization.
    pub name: Option<String>,
    /// Generator.
    pub backend: Option<String>,
    /// `NetJSON`, all of it.
    pub config: Option<Document>,
    /// All of them.
    pub default_values: Option<Document>,
    /// All of them.
    pub tags: Option<Vec<String>>,
    /// Do new devices get it?
    pub default: Option<bool>,
    /// Do devices have it always?
    pub required: Option<bool>,
    /// Free text.
    pub notes: Option<String>,
}

const MODEL: &str = "Template";

impl Templates<'_> {
    /// Makes a template; existing devices get it in the background when it is a default or required one.
    #[instrument(name = "template.create", skip_all, fields(template.id = %new.id))]
    pub async fn create(&self, by: &By, new: NewTemplate) -> Result<Done, Failure> {
        let denied = |denied| Failure::denied(denied, MODEL);
        by.authority.require_anywhere(Permission::AddTemplate).map_err(denied)?;
        match new.organization_id {
            Some(organization) => {
                self.0.devices().owner(by, Permission::AddTemplate, organization).await?;
            }
            None => by.authority.require(Permission::AddTemplate, None).map_err(denied)?,
        }
        self.0.unused(new.id.as_uuid()).await?;
        let backend = self.backend(&new.backend)?;
        Configurations::validate(&backend, "config", &new.config, &new.default_values)?;
        let after = self.alone(backend.as_str(), &new.config, &new.default_values);
        let configurations = self.0.configurations();
        configurations.refuse_new("config", None, after).await?;
        configurations.refuse_variables("default_values", None, &new.default_values)?;
        let create = TemplateCommand::Create(Box::new(CreateTemplate {
            id: new.id,
            organization_id: new.organization_id,
            name: new.name.clone(),
            backend,
            config: new.config,
            default_values: new.default_values,
            tags: new.tags,
            flags: TemplateFlags::new(new.default, new.required),
            notes: new.notes,
        }));
        let (_, done) = decide!(self.0, by, work => {
            self.name_is_free(new.id, new.organization_id, &new.name).await?;
            let created = work.handle::<Template>(new.id.as_uuid(), create.clone()).await?;
            self.0.previews().refuse_shared("config", &work.events()?).await?;
            Ok(created)
        })?;
        Ok(done)
    }

    /// Changes a template; devices that use it follow in the background.
    #[instrument(name = "template.change", skip_all, fields(template.id = %id))]
    pub async fn change(
        &self,
        by: &By,
        id: TemplateId,
        change: TemplateChange,
    ) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            work.open::<Template>(id.as_uuid()).await?;
            let row = self.template(by, id, Permission::ChangeTemplate).await?;
            let owner = change.organization_id.unwrap_or(row.organization_id);
            if owner != row.organization_id {
                self.may_move(by, id, owner).await?;
            }
            let name = change.name.as_deref().unwrap_or(&row.name);
            if owner != row.organization_id || name != row.name {
                self.name_is_free(id, owner, name).await?;
            }
            let backend = self.backend(change.backend.as_deref().unwrap_or(&row.backend))?;
            if let Some(config) = &change.config {
                let values = change.default_values.as_ref().unwrap_or(&row.default_values);
                Configurations::validate(&backend, "config", config, values)?;
            }
            if change.config.is_some() || change.default_values.is_some() || change.backend.is_some() {
                let field = if change.config.is_some() { "config" } else { "default_values" };
                let config = change.config.as_ref().unwrap_or(&row.config);
                let values = change.default_values.as_ref().unwrap_or(&row.default_values);
                let before = self.alone(&row.backend, &row.config, &row.default_values);
                let after = self.alone(backend.as_str(), config, values);
                let configurations = self.0.configurations();
                configurations.refuse_new(field, Some(before), after).await?;
                configurations.refuse_variables("default_values", Some(&row.default_values), values)?;
            }
            let flags = TemplateFlags::new(
                change.default.unwrap_or(row.flags.is_default()),
                change.required.unwrap_or(row.flags.is_required()),
            );
            let commands = [
                Some(TemplateCommand::Move(owner)),
                change.name.clone().map(TemplateCommand::Rename),
                change.backend.is_some().then(|| TemplateCommand::ChangeBackend(backend.clone())),
                change.config.clone().map(TemplateCommand::ChangeContents),
                change.default_values.clone().map(TemplateCommand::ChangeDefaultValues),
                change.tags.clone().map(TemplateCommand::ChangeTags),
                Some(TemplateCommand::ChangeFlags(flags)),
                change.notes.clone().map(TemplateCommand::ChangeNotes),
            ];
            let commands = commands.into_iter().flatten().collect();
            work.handle_all::<Template>(id.as_uuid(), commands).await?;
            let values = change.default_values.is_some() && change.config.is_none();
            let field = if values { "default_values" } else { "config" };
            self.0.previews().refuse_shared(field, &work.events()?).await
        })?;
        Ok(done)
    }

    /// Lets a template not exist any more; its devices lose it in the background.
    #[instrument(name = "template.remove", skip_all, fields(template.id = %id))]
    pub async fn remove(&self, by: &By, id: TemplateId) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            self.template(by, id, Permission::DeleteTemplate).await?;
            work.handle::<Template>(id.as_uuid(), TemplateCommand::Remove).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// One template.
    pub async fn get(&self, by: &By, id: TemplateId) -> Result<TemplateRow, Failure> {
        self.template(by, id, Permission::ViewTemplate).await
    }

    /// A stretch of the templates that the actor may see: those of its organizations, and shared ones.
    pub async fn stretch(
        &self,
        by: &By,
        filter: TemplateFilter,
        order: (NamedOrder, bool),
        stretch: Stretch,
    ) -> Result<Stretched<TemplateRow>, Failure> {
        let scope = reach(by, Permission::ViewTemplate)?;
        Ok(template::stretch(self.0.store(), &scope, &filter, order, stretch).await?)
    }

    /// Those of these templates that exist for the actor, in no particular order; at most 1000.
    pub async fn rows(&self, by: &By, ids: &[TemplateId]) -> Result<Vec<TemplateRow>, Failure> {
        let filter = TemplateFilter { ids: Some(ids.to_vec()), ..TemplateFilter::default() };
        let page = Page { limit: 1000, offset: 0 };
        Ok(self.list(by, filter, Order::NewestFirst, page).await?.rows)
    }

    /// A page of the templates that the actor may see: those of its organizations, and shared ones.
    pub async fn list(
        &self,
        by: &By,
        filter: TemplateFilter,
        order: Order,
        page: Page,
    ) -> Result<Slice<TemplateRow>, Failure> {
        let scope = reach(by, Permission::ViewTemplate)?;
        Ok(template::list(self.0.store(), &scope, &filter, order, page).await?)
    }

    /// The files of a template alone, with its own default values.
    pub async fn archive_of(&self, by: &By, id: TemplateId) -> Result<crate::Archive, Failure> {
        let row = self.template(by, id, Permission::ViewTemplate).await?;
        let backend: netjson::Backend = row
            .backend
            .parse()
            .map_err(|_| Failure::field("backend", Problem::NotAChoice(row.backend.clone())))?;
        let (config, context) = (row.config, row.default_values);
        let dsa = backend.default_dsa() && self.0.settings().controller.dsa_default;
        let permit = self.0.render_permits().acquire_owned().await;
        let archive = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let input = netjson::Input {
                config: &config,
                templates: &[],
                context: &context,
                hostname: None,
                dsa,
            };
            netjson::render(backend, &input).map(|rendering| rendering.archive())
        })
        .await
        .map_err(|error| Failure::Broken(Box::new(error)))?;
        let archive = archive.map_err(|error| {
            Failure::Refused(Refusal::TemplateConflict { message: error.to_string() })
        })?;
        let (name, md5) = (row.name, archive.md5);
        Ok(crate::Archive { name, bytes: archive.bytes.into(), md5, masked: false })
    }

    /// A template without any device.
    fn alone(&self, backend: &str, config: &Document, default_values: &Document) -> Computation {
        let (contents, context) = ((config.clone(), Vec::new()), default_values.clone());
        let dsa = self.0.settings().controller.dsa_default;
        Computation::of(backend, contents, context, (None, dsa))
    }

    async fn template(
        &self,
        by: &By,
        id: TemplateId,
        permission: Permission,
    ) -> Result<TemplateRow, Failure> {
        let denied = |denied| Failure::denied(denied, MODEL);
        let scope = reach(by, permission)?;
        let row = template::by_id(self.0.store(), &scope, id).await?;
        let row = row.ok_or(Failure::NotFound(MODEL))?;
        by.authority.require(permission, row.organization_id).map_err(denied)?;
        Ok(row)
    }

    /// Whoever gives a template away may change those of its new owner, too; shared ones are for superusers.
    async fn may_move(
        &self,
        by: &By,
        id: TemplateId,
        owner: Option<OrganizationId>,
    ) -> Result<(), Failure> {
        let Some(owner) = owner else {
            let allowed = by.authority.require(Permission::ChangeTemplate, None);
            return allowed.map_err(|denied| Failure::denied(denied, MODEL));
        };
        self.0.devices().owner(by, Permission::ChangeTemplate, owner).await?;
        if group::others_list(self.0.store(), id, owner).await? {
            return Err(Failure::Refused(Refusal::ListedElsewhere));
        }
        Ok(())
    }

    fn backend(&self, name: &str) -> Result<Backend, Failure> {
        let backend = self.0.configurations().backend(name);
        backend.map_err(|error| Failure::field("backend", error.problem))
    }

    /// Names of shared templates are unique everywhere: everybody sees them.
    async fn name_is_free(
        &self,
        id: TemplateId,
        organization: Option<OrganizationId>,
        name: &str,
    ) -> Result<(), Failure> {
        let same = TemplateFilter {
            name: Some(name.trim().to_owned()),
            only_shared: organization.is_some(),
            ..TemplateFilter::default()
        };
        let others = template::all(self.0.store(), crate::RULES, &same).await?;
        // Two of one organization, or two shared ones, are told apart by the claim.
        let clash = others.iter().any(|row| row.id != id && row.organization_id != organization);
        if clash { Err(Failure::Refused(Refusal::SharedTemplateName)) } else { Ok(()) }
    }
}

/// Where the actor may do this to templates; reading them reaches shared ones, too.
fn reach(by: &By, permission: Permission) -> Result<ReadScope, Failure> {
    by.authority.scope(permission).map_err(|denied| Failure::denied(denied, MODEL))
}
