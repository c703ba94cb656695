use serde::{Deserialize, Serialize};

use super::{
    CreateOrganization, DeviceLimit, OrganizationCommand, OrganizationCreated, OrganizationDetails,
    OrganizationError, OrganizationEvent,
};
use crate::{Document, FieldError, OrganizationId, Problem, Sealed, fact::aggregate, field};

/// Just enough state to decide the next command.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum Organization {
    /// No event yet.
    #[default]
    Unknown,
    /// A tenant.
    Known(Box<Tenant>),
    /// One that is gone for everybody; what was its is being removed.
    Removing(OrganizationId),
    /// One that is gone with everything that was its.
    Removed,
}

/// What the rules remember of a tenant.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tenant {
    id: OrganizationId,
    name: String,
    slug: String,
    details: OrganizationDetails,
    active: bool,
    registration_open: bool,
    secret: Sealed,
    variables: Document,
    limit: DeviceLimit,
}

aggregate!(Organization, "organization", OrganizationCommand, OrganizationEvent, OrganizationError);

impl Organization {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(
        &self,
        command: OrganizationCommand,
    ) -> Result<Vec<OrganizationEvent>, OrganizationError> {
        match (self, command) {
            (Self::Unknown, OrganizationCommand::Create(new)) => create(*new),
            (Self::Unknown, _) => Err(OrganizationError::Unknown),
            (_, OrganizationCommand::Create(_)) => Err(OrganizationError::Exists),
            (Self::Known(tenant), command) => tenant.decide(command),
            (Self::Removing(_), OrganizationCommand::StartRemoval)
            | (Self::Removed, OrganizationCommand::StartRemoval | OrganizationCommand::Remove) => {
                Ok(Vec::new())
            }
            (Self::Removing(id), OrganizationCommand::Remove) => {
                Ok(vec![OrganizationEvent::Removed { organization_id: *id }])
            }
            (Self::Removing(_) | Self::Removed, _) => Err(OrganizationError::Unknown),
        }
    }

    fn evolve(&mut self, event: OrganizationEvent) {
        match (self, event) {
            (state @ Self::Unknown, OrganizationEvent::Created(created)) => {
                *state = Self::Known(Box::new(Tenant::from(*created)));
            }
            (state @ Self::Known(_), OrganizationEvent::RemovalStarted { organization_id }) => {
                *state = Self::Removing(organization_id);
            }
            (state @ (Self::Known(_) | Self::Removing(_)), OrganizationEvent::Removed { .. }) => {
                *state = Self::Removed;
            }
            (Self::Known(tenant), event) => tenant.evolve(event),
            (Self::Unknown | Self::Removing(_) | Self::Removed, _) => {}
        }
    }
}

fn create(new: CreateOrganization) -> Result<Vec<OrganizationEvent>, OrganizationError> {
    let name = checked_name(&new.name)?;
    let slug = checked_slug(&new.slug)?;
    let details = checked_details(new.details)?;
    checked_variables(&new.variables)?;
    Ok(vec![OrganizationEvent::Created(Box::new(OrganizationCreated {
        organization_id: new.id,
        name,
        slug,
        details,
        active: new.active,
        registration_open: new.registration_open,
        secret: new.secret,
        variables: new.variables,
        limit: new.limit,
    }))])
}

impl Tenant {
    fn decide(
        &self,
        command: OrganizationCommand,
    ) -> Result<Vec<OrganizationEvent>, OrganizationError> {
        let organization_id = self.id;
        let event = match command {
            OrganizationCommand::Create(_) => return Err(OrganizationError::Exists),
            OrganizationCommand::Rename(name) => {
                let to = checked_name(&name)?;
                (to != self.name).then(|| OrganizationEvent::Renamed {
                    organization_id,
                    from: self.name.clone(),
                    to,
                })
            }
            OrganizationCommand::ChangeSlug(slug) => {
                let to = checked_slug(&slug)?;
                (to != self.slug).then(|| OrganizationEvent::SlugChanged {
                    organization_id,
                    from: self.slug.clone(),
                    to,
                })
            }
            OrganizationCommand::ChangeDetails(details) => {
                let details = checked_details(details)?;
                (details != self.details)
                    .then_some(OrganizationEvent::DetailsChanged { organization_id, details })
            }
            OrganizationCommand::SetActive(active) => {
                (active != self.active).then_some(if active {
                    OrganizationEvent::Enabled { organization_id }
                } else {
                    OrganizationEvent::Disabled { organization_id }
                })
            }
            OrganizationCommand::SetRegistration(open) => (open != self.registration_open)
                .then_some(if open {
                    OrganizationEvent::RegistrationOpened { organization_id }
                } else {
                    OrganizationEvent::RegistrationClosed { organization_id }
                }),
            OrganizationCommand::ChangeSharedSecret(secret) => (secret != self.secret).then(|| {
                let from = self.secret.fingerprint.clone();
                OrganizationEvent::SharedSecretChanged { organization_id, from, secret }
            }),
            OrganizationCommand::ChangeVariables(variables) => {
                checked_variables(&variables)?;
                (!field::same(&variables, &self.variables))
                    .then_some(OrganizationEvent::VariablesChanged { organization_id, variables })
            }
            OrganizationCommand::ChangeDeviceLimit { limit, devices } => {
                if limit.max().is_some_and(|max| max < devices) && limit != self.limit {
                    return Err(OrganizationError::LimitBelowDevices { devices });
                }
                (limit != self.limit)
                    .then_some(OrganizationEvent::DeviceLimitChanged { organization_id, limit })
            }
            OrganizationCommand::StartRemoval => {
                Some(OrganizationEvent::RemovalStarted { organization_id })
            }
            OrganizationCommand::Remove => {
                return Ok(vec![
                    OrganizationEvent::RemovalStarted { organization_id },
                    OrganizationEvent::Removed { organization_id },
                ]);
            }
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: OrganizationEvent) {
        match event {
            OrganizationEvent::Created(_)
            | OrganizationEvent::RemovalStarted { .. }
            | OrganizationEvent::Removed { .. } => {}
            OrganizationEvent::Renamed { to, .. } => self.name = to,
            OrganizationEvent::SlugChanged { to, .. } => self.slug = to,
            OrganizationEvent::DetailsChanged { details, .. } => self.details = details,
            OrganizationEvent::Enabled { .. } => self.active = true,
            OrganizationEvent::Disabled { .. } => self.active = false,
            OrganizationEvent::RegistrationOpened { .. } => self.registration_open = true,
            OrganizationEvent::RegistrationClosed { .. } => self.registration_open = false,
            OrganizationEvent::SharedSecretChanged { secret, .. } => self.secret = secret,
            OrganizationEvent::VariablesChanged { variables, .. } => self.variables = variables,
            OrganizationEvent::DeviceLimitChanged { limit, .. } => self.limit = limit,
        }
    }
}

impl From<OrganizationCreated> for Tenant {
    fn from(created: OrganizationCreated) -> Self {
        Self {
            id: created.organization_id,
            name: created.name,
            slug: created.slug,
            details: created.details,
            active: created.active,
            registration_open: created.registration_open,
            secret: created.secret,
            variables: created.variables,
            limit: created.limit,
        }
    }
}

fn checked_name(name: &str) -> Result<String, FieldError> {
    field::name(name, 200).map_err(|problem| FieldError::new("name", problem))
}

fn checked_slug(slug: &str) -> Result<String, FieldError> {
    let slug = field::name(slug, 200).map_err(|problem| FieldError::new("slug", problem))?;
    if slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        Ok(slug)
    } else {
        Err(FieldError::new("slug", Problem::NotASlug))
    }
}

fn checked_details(details: OrganizationDetails) -> Result<OrganizationDetails, FieldError> {
    let check = |name, value: &str, max| {
        field::text(value, max).map_err(|problem| FieldError::new(name, problem))
    };
    Ok(OrganizationDetails {
        description: check("description", &details.description, 10_000)?,
        email: check("email", &details.email, 254)?,
        url: check("url", &details.url, 200)?,
    })
}

fn checked_variables(variables: &Document) -> Result<(), FieldError> {
    field::document(variables).map_err(|problem| FieldError::new("context", problem))
}
