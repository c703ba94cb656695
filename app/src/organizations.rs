//! Organizations.

mod removal;

use std::collections::HashMap;

use domain::{
    Document, OrganizationId, Permission,
    accounts::{
        CreateOrganization, DeviceLimit, Organization, OrganizationCommand, OrganizationDetails,
        SecretKind,
    },
    authority::ReadScope,
};
use projections::{
    NamedOrder, Order, Page, Slice, Stretch, Stretched, device,
    organization::{self, OrganizationFilter, OrganizationRow},
};
use secrecy::SecretString;
use tracing::instrument;

pub use removal::{OrganizationContents, RemovalStep};

use crate::{App, By, Done, Failure, sealing::Place, work::decide};

/// Use cases of organizations; see [`App::organizations`].
pub struct Organizations<'a>(pub(crate) &'a App);

/// An organization that is to be.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// Chosen by the caller.
    pub id: OrganizationId,
    /// Shown to people; may repeat.
    pub name: String,
    /// Unique; for paths.
    pub slug: String,
    /// Description and contact.
    pub details: OrganizationDetails,
    /// Are its people and devices served?
    pub is_active: bool,
    /// May agents register devices?
    pub registration_enabled: bool,
    /// What agents register with; none makes one of 32 hexadecimal digits.
    pub shared_secret: Option<SecretString>,
    /// Configuration variables.
    pub context: Document,
    /// How many devices it may have.
    pub device_limit: DeviceLimit,
}

/// New values for some of an organization; `None` leaves the old one.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    /// Shown to people; may repeat.
    pub name: Option<String>,
    /// Unique.
    pub slug: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Contact.
    pub email: Option<String>,
    /// Web site.
    pub url: Option<String>,
    /// Are its people and devices served?
    pub is_active: Option<bool>,
    /// May agents register devices?
    pub registration_enabled: Option<bool>,
    /// What agents register with.
    pub shared_secret: Option<SecretString>,
    /// Configuration variables, all of them.
    pub context: Option<Document>,
    /// How many devices it may have.
    pub device_limit: Option<DeviceLimit>,
}

const MODEL: &str = "Organization";

impl Organizations<'_> {
    /// Founds an organization.
    #[instrument(name = "organization.create", skip_all, fields(organization.id = %new.id))]
    pub async fn create(&self, by: &By, new: NewOrganization) -> Result<Done, Failure> {
        by.authority
            .require_anywhere(Permission::AddOrganization)
            .map_err(|denied| Failure::denied(denied, MODEL))?;
        self.0.unused(new.id.as_uuid()).await?;
        let variables = "config_settings.context";
        self.0.configurations().refuse_variables(variables, None, &new.context)?;
        let secret = match &new.shared_secret {
            Some(secret) => secret.clone(),
            None => self.0.world().secret(16).into(),
        };
        let secret = self.sealed(new.id, &secret).await?;
        let create = OrganizationCommand::Create(Box::new(CreateOrganization {
            id: new.id,
            name: new.name,
            slug: new.slug,
            details: new.details,
            active: new.is_active,
            registration_open: new.registration_enabled,
            secret,
            variables: new.context,
            limit: new.device_limit,
        }));
        let (_, done) = decide!(self.0, by, work => {
            work.handle::<Organization>(new.id.as_uuid(), create.clone()).await
        })?;
        Ok(done)
    }

    /// Changes an organization.
    #[instrument(name = "organization.change", skip_all, fields(organization.id = %id))]
    pub async fn change(
        &self,
        by: &By,
        id: OrganizationId,
        change: OrganizationChange,
    ) -> Result<Done, Failure> {
        let secret = match &change.shared_secret {
            Some(secret) => Some(self.sealed(id, secret).await?),
            None => None,
        };
        let ((), done) = decide!(self.0, by, work => {
            work.open::<Organization>(id.as_uuid()).await?;
            let row = self.organization(by, id, Permission::ChangeOrganization).await?;
            if let Some(context) = &change.context {
                let (field, held) = ("config_settings.context", Some(&row.variables));
                self.0.configurations().refuse_variables(field, held, context)?;
            }
            if change.device_limit.is_some_and(|limit| limit != row.limit) {
                // Who is limited does not lift the limit.
                by.authority
                    .require_anywhere(Permission::AddOrganization)
                    .map_err(|denied| Failure::denied(denied, MODEL))?;
            }
            if change.is_active.is_some_and(|active| active != row.active) {
                // It takes everything from everybody in it, as removing it does.
                by.authority
                    .require_ownership(id)
                    .map_err(|denied| Failure::denied(denied, MODEL))?;
            }
            let devices = device::count_of(self.0.store(), id).await?;
            let details = OrganizationDetails {
                description: change.description.clone().unwrap_or(row.description),
                email: change.email.clone().unwrap_or(row.email),
                url: change.url.clone().unwrap_or(row.url),
            };
            let commands = [
                change.name.clone().map(OrganizationCommand::Rename),
                change.slug.clone().map(OrganizationCommand::ChangeSlug),
                Some(OrganizationCommand::ChangeDetails(details)),
                change.is_active.map(OrganizationCommand::SetActive),
                change.registration_enabled.map(OrganizationCommand::SetRegistration),
                secret.clone().map(OrganizationCommand::ChangeSharedSecret),
                change.context.clone().map(OrganizationCommand::ChangeVariables),
                change
                    .device_limit
                    .map(|limit| OrganizationCommand::ChangeDeviceLimit { limit, devices }),
            ];
            let commands = commands.into_iter().flatten().collect();
            work.handle_all::<Organization>(id.as_uuid(), commands).await?;
            self.0.previews().refuse_shared("config_settings.context", &work.events()?).await
        })?;
        Ok(done)
    }

    /// How many devices an organization may have, and how many it has.
    pub async fn limits(&self, by: &By, id: OrganizationId) -> Result<(DeviceLimit, u64), Failure> {
        let row = self.organization(by, id, Permission::ViewOrganization).await?;
        Ok((row.limit, device::count_of(self.0.store(), id).await?))
    }

    /// One organization.
    pub async fn get(&self, by: &By, id: OrganizationId) -> Result<OrganizationRow, Failure> {
        self.organization(by, id, Permission::ViewOrganization).await
    }

    /// A stretch of the organizations that the actor may see.
    pub async fn stretch(
        &self,
        by: &By,
        filter: OrganizationFilter,
        order: (NamedOrder, bool),
        stretch: Stretch,
    ) -> Result<Stretched<OrganizationRow>, Failure> {
        let scope = reach(by, Permission::ViewOrganization)?;
        Ok(organization::stretch(self.0.store(), &scope, &filter, order, stretch).await?)
    }

    /// Those of these organizations that exist for the actor, in no particular order; at most 1000.
    pub async fn rows(
        &self,
        by: &By,
        ids: &[OrganizationId],
    ) -> Result<Vec<OrganizationRow>, Failure> {
        let filter =
            OrganizationFilter { ids: Some(ids.to_vec()), ..OrganizationFilter::default() };
        let page = Page { limit: 1000, offset: 0 };
        Ok(self.list(by, filter, Order::NewestFirst, page).await?.rows)
    }

    /// A page of the organizations that the actor may see.
    pub async fn list(
        &self,
        by: &By,
        filter: OrganizationFilter,
        order: Order,
        page: Page,
    ) -> Result<Slice<OrganizationRow>, Failure> {
        let scope = reach(by, Permission::ViewOrganization)?;
        Ok(organization::list(self.0.store(), &scope, &filter, order, page).await?)
    }

    /// What agents of an organization register with; see [`Organizations::shared_secrets`].
    pub async fn shared_secret(
        &self,
        by: &By,
        row: &OrganizationRow,
    ) -> Result<SecretString, Failure> {
        let mut secrets = self.shared_secrets(by, &[row.id]).await?;
        secrets.remove(&row.id).ok_or(Failure::NotFound(MODEL))
    }

    /// What agents of those of these organizations register with that exist for the actor; at most 1000. For those who may
    /// change them and see secrets; one event says that they were read.
    pub async fn shared_secrets(
        &self,
        by: &By,
        ids: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, SecretString>, Failure> {
        reach(by, Permission::ChangeOrganization)?;
        let scope = reach(by, Permission::SeeSecrets)?;
        let filter =
            OrganizationFilter { ids: Some(ids.to_vec()), ..OrganizationFilter::default() };
        let page = Page { limit: 1000, offset: 0 };
        let order = Order::NewestFirst;
        let rows = organization::list(self.0.store(), &scope, &filter, order, page).await?.rows;
        let read: Vec<_> = rows.iter().map(|row| (row.id.as_uuid(), row.id)).collect();
        self.0.note_reading(by, SecretKind::SharedSecret, &read).await?;
        let mut secrets = HashMap::with_capacity(rows.len());
        for row in rows {
            let place = Place::SharedSecret(row.id);
            secrets.insert(row.id, self.0.sealing().open(place, &row.secret).await?);
        }
        Ok(secrets)
    }

    async fn organization(
        &self,
        by: &By,
        id: OrganizationId,
        permission: Permission,
    ) -> Result<OrganizationRow, Failure> {
        let denied = |denied| Failure::denied(denied, MODEL);
        let scope = reach(by, permission)?;
        let row = organization::by_id(self.0.store(), &scope, id).await?;
        let row = row.ok_or(Failure::NotFound(MODEL))?;
        by.authority.require(permission, Some(row.id)).map_err(denied)?;
        Ok(row)
    }

    /// 1–32 characters without white space, as agents send it in a form.
    async fn sealed(
        &self,
        id: OrganizationId,
        secret: &SecretString,
    ) -> Result<domain::Sealed, Failure> {
        use secrecy::ExposeSecret as _;

        let refuse = |problem| Failure::field("shared_secret", problem);
        let secret = domain::field::name(secret.expose_secret(), 32).map_err(refuse)?;
        let problems = domain::device::key_problems(&secret);
        match problems.into_iter().next() {
            Some(problem) => Err(refuse(problem)),
            None => self.0.sealing().seal(Place::SharedSecret(id), &secret).await,
        }
    }
}

/// Where the actor may do this to organizations.
fn reach(by: &By, permission: Permission) -> Result<ReadScope, Failure> {
    by.authority.scope(permission).map_err(|denied| Failure::denied(denied, MODEL))
}
