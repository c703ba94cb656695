//! Configurations of devices: what they are made of, and what comes of it.

mod lint;
mod render;
mod render_many;
mod shared;
mod templates;

use std::{collections::HashMap, sync::Arc};

use domain::{
    DeviceId, Document, FieldError, Permission, Problem, TemplateId,
    configuration::{Backend, ConfigurationCommand},
};
use netjson::ValidationError;
use parking_lot::Mutex;
use projections::{
    configuration::{self, ConfigurationRow},
    device::{self, DeviceRow},
};
use serde_json::Value;

pub(crate) use lint::adding;
pub use render::{Archive, Rendering};
pub(crate) use render::{Computation, Layered, Layers, hostname, without_key};
pub(crate) use shared::SharedTemplates;
pub(crate) use templates::append;

use crate::{App, By, Failure, Refusal};

/// Use cases of configurations; see [`App::configurations`].
pub struct Configurations<'a>(pub(crate) &'a App);

/// A device's configuration as an operator gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewConfiguration {
    /// Generator; empty is the first of the settings.
    pub backend: String,
    /// `NetJSON`.
    pub config: Document,
    /// Variables.
    pub context: Document,
    /// Beside default, required and group templates, which are added.
    pub templates: Vec<TemplateId>,
}

/// New values for some of a configuration; `None` leaves the old one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigurationChange {
    /// Generator.
    pub backend: Option<String>,
    /// `NetJSON`, all of it.
    pub config: Option<Document>,
    /// Variables, all of them.
    pub context: Option<Document>,
    /// All of them, in order; required ones that are missing are put back first.
    pub templates: Option<Vec<TemplateId>>,
}

/// The field that holds a device's own contents, as opposed to those of a template.
const OF_DEVICE: &str = "config.config";

/// One rendering at a time per device.
#[derive(Default)]
pub(crate) struct RenderLocks(Mutex<HashMap<DeviceId, Arc<tokio::sync::Mutex<()>>>>);

impl RenderLocks {
    fn of(&self, device: DeviceId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock();
        if locks.len() > 10_000 {
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(locks.entry(device).or_default())
    }
}

impl Configurations<'_> {
    /// The configurations of those of these devices that exist for the actor, in no particular order; at most 1000.
    pub async fn of(
        &self,
        by: &By,
        devices: &[DeviceId],
    ) -> Result<Vec<ConfigurationRow>, Failure> {
        let scope = by.authority.scope(Permission::ViewDevice);
        let scope = scope.map_err(|denied| Failure::denied(denied, "Config"))?;
        Ok(configuration::of_devices(self.0.store(), &scope, devices).await?)
    }

    /// Which templates these configurations have, first to last. Whoever may see a configuration may know them.
    pub async fn templates_of(
        &self,
        configurations: &[DeviceId],
    ) -> Result<HashMap<DeviceId, Vec<TemplateId>>, Failure> {
        Ok(configuration::templates_of_devices(self.0.store(), configurations).await?)
    }

    /// The archive that the device downloads at present, rendered first if an input changed. Who may not see secrets is shown it
    /// without the device's key.
    pub async fn archive_of(&self, by: &By, id: DeviceId) -> Result<Archive, Failure> {
        let (device, archive) = self.downloaded(by, id).await?;
        let owner = device.organization_id;
        self.0.shown(by, (id, owner), vec![(owner, device.key)], archive).await
    }

    /// The same with everything that is in it.
    pub(crate) async fn downloaded(
        &self,
        by: &By,
        id: DeviceId,
    ) -> Result<(DeviceRow, Archive), Failure> {
        let missing = || Failure::NotFound("Config");
        let scope = by.authority.scope(Permission::ViewDevice);
        let scope = scope.map_err(|denied| Failure::denied(denied, "Config"))?;
        let device = device::by_id(self.0.store(), &scope, id).await?.ok_or_else(missing)?;
        by.authority
            .require(Permission::ViewDevice, Some(device.organization_id))
            .map_err(|denied| Failure::denied(denied, "Config"))?;
        self.render(id).await?;
        let configuration =
            configuration::by_device(self.0.store(), &scope, id).await?.ok_or_else(missing)?;
        let Some(archive) = configuration.archive else {
            let message = configuration.failure.unwrap_or_default();
            return Err(Failure::Refused(Refusal::TemplateConflict { message }));
        };
        let owner = device.organization_id;
        let archive = self.archive(owner, &device.name, &archive.sha256, &archive.md5).await?;
        Ok((device, archive))
    }

    /// The generator of this name, if the settings allow it.
    pub(crate) fn backend(&self, name: &str) -> Result<Backend, FieldError> {
        let settings = &self.0.settings().controller;
        let chosen = if name.is_empty() {
            settings.backends.first().map_or("", String::as_str)
        } else {
            name
        };
        let known = settings.backends.iter().any(|backend| backend == chosen);
        let fits = chosen.parse().is_ok_and(netjson::Backend::configures_devices);
        if !known || !fits {
            let problem = Problem::NotAChoice(name.to_owned());
            return Err(FieldError::new("config.backend", problem));
        }
        chosen.parse().map_err(|problem| FieldError::new("config.backend", problem))
    }

    /// Does the document fit the generator's schema, once the variables that are known have their values?
    pub(crate) fn validate(
        backend: &Backend,
        field: &'static str,
        config: &Document,
        context: &Document,
    ) -> Result<(), Failure> {
        let generator: netjson::Backend = backend
            .as_str()
            .parse()
            .map_err(|_| Failure::field(field, Problem::NotAChoice(backend.to_string())))?;
        domain::field::document(config).map_err(|problem| Failure::field(field, problem))?;
        let evaluated = netjson::evaluate_vars(&Value::Object(config.clone()), context)
            .map_err(|error| Failure::field(field, Problem::Rule(error.to_string())))?;
        let Value::Object(mut evaluated) = evaluated else { return Ok(()) };
        if field == OF_DEVICE
            && let Some(Value::Object(general)) = evaluated.get_mut("general")
        {
            // Every device has a host name, see `hostname` of a rendering's input; templates have to state one where
            // the generator asks for it.
            general.entry("hostname").or_insert_with(|| "device".into());
        }
        netjson::validate(generator, &evaluated).map_err(
            |ValidationError { path, message, .. }| {
                let message = render::without_key(&message, context);
                Failure::Refused(Refusal::InvalidConfiguration { field, path, message })
            },
        )
    }

    /// Notes that a device was renamed: it has to confirm, whatever its files are.
    pub(crate) fn renamed() -> ConfigurationCommand {
        ConfigurationCommand::RequireConfirmation("device_renamed")
    }
}
