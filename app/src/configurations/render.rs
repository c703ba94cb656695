//! From inputs to an archive: reads all inputs at one position, renders, stores the bytes, then says so.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    DeviceId, Document, OrganizationId,
    configuration::{ArchiveRendered, Configuration, ConfigurationCommand},
};
use netjson::{Finding, RENDERER_VERSION};
use projections::{
    configuration::{ConfigurationRow, Inputs, LastRendering, SharedTemplate, inputs},
    device::DeviceRow,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use store::{Identity, Op, Query, Sha256, args};

use super::{Configurations, lint::adding, shared::SharedTemplates};
use crate::{By, Failure, edge::KnownArchive, key_mask::KeyMask, sealing::Place, work::decide};

/// Longest reason of a failure that is kept, in characters.
const REASON: usize = 2000;

/// An archive as it is downloaded.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Name of the device.
    pub name: String,
    /// A gzipped tar.
    pub bytes: Bytes,
    /// MD5 of what the device downloads, 32 lower-case hexadecimal digits.
    pub md5: String,
    /// Is the device's key kept back in the bytes? Then they are others than those that the device downloads.
    pub masked: bool,
}

/// The variables of a device by where they come from, the weakest first.
pub(crate) struct Layers<'a> {
    /// Of its templates, first to last.
    pub(crate) defaults: Vec<&'a Document>,
    /// What every device has.
    pub(crate) predefined: [(&'static str, &'a str); 4],
    /// Of its organization.
    pub(crate) organization: &'a Document,
    /// Of its group.
    pub(crate) group: &'a Document,
    /// Where hardware ids are in use.
    pub(crate) hardware_id: &'a str,
    /// Its own.
    pub(crate) own: &'a Document,
}

/// What a device's archive is made of, piece by piece.
pub(crate) struct Layered<'a> {
    pub(crate) device: &'a DeviceRow,
    pub(crate) configuration: &'a ConfigurationRow,
    /// First to last, without removed ones.
    pub(crate) templates: Vec<&'a SharedTemplate>,
    /// Variables.
    pub(crate) organization: &'a Document,
    /// Variables.
    pub(crate) group: &'a Document,
}

/// Everything that one rendering is computed from; nothing has to be waited for any more.
#[derive(Clone)]
pub(crate) struct Computation {
    backend: String,
    config: Document,
    templates: Vec<Arc<Document>>,
    context: Document,
    /// Where the device's own contents say none.
    hostname: Option<String>,
    dsa: bool,
}

impl Computation {
    /// Files, or why there are none. To be called where computing may take its time.
    pub(crate) fn rendering(&self) -> Result<netjson::Rendering, String> {
        self.computed(|backend, templates| {
            let documents: Vec<&Document> = templates.iter().map(Arc::as_ref).collect();
            netjson::Templates::of(backend, &documents).map(Arc::new)
        })
    }

    /// Like [`rendering`](Self::rendering), with templates that others may have merged already.
    pub(crate) fn rendering_with(
        &self,
        shared: &mut SharedTemplates<'_>,
    ) -> Result<netjson::Rendering, String> {
        self.computed(|backend, templates| shared.merged(backend, templates))
    }

    fn computed(
        &self,
        merged: impl FnOnce(
            netjson::Backend,
            &[Arc<Document>],
        ) -> Result<Arc<netjson::Templates>, netjson::Error>,
    ) -> Result<netjson::Rendering, String> {
        let reason = |error: &dyn std::fmt::Display| {
            let text = without_key(&error.to_string(), &self.context);
            text.chars().take(REASON).collect::<String>()
        };
        let backend = self.backend.parse::<netjson::Backend>();
        let backend = backend.map_err(|error| reason(&error))?;
        let input = netjson::Input {
            config: &self.config,
            templates: &[],
            context: &self.context,
            hostname: self.hostname.as_deref(),
            dsa: self.dsa,
        };
        merged(backend, &self.templates)
            .and_then(|templates| netjson::render_over(backend, &templates, &input))
            .map_err(|error| reason(&error))
    }

    /// What is not, or not yet, stored as a configuration with templates of its own.
    pub(crate) fn of(
        backend: &str,
        (config, templates): (Document, Vec<Arc<Document>>),
        context: Document,
        (hostname, dsa): (Option<String>, bool),
    ) -> Self {
        Self { backend: backend.to_owned(), config, templates, context, hostname, dsa }
    }

    /// The variables.
    pub(crate) fn context(&self) -> &Document {
        &self.context
    }
}

/// What a rendering came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// No input changed since the last one.
    Current,
    /// The same bytes as before.
    Equal,
    /// The device downloads something else from here on.
    Changed,
    /// The inputs do not make an archive; the one before stays.
    Failed,
    /// The inputs changed while it was computed; nothing came of it.
    Superseded,
    /// The device has no configuration, or does not exist.
    Absent,
}

impl Configurations<'_> {
    /// Renders a device if an input changed since the last time. One at a time per device.
    pub async fn render(&self, id: DeviceId) -> Result<Rendering, Failure> {
        let lock = self.0.locks().of(id);
        let _guard = lock.lock().await;
        let Some(inputs) = inputs(self.0.store(), id).await? else {
            return Ok(Rendering::Absent);
        };
        let row = &inputs.configuration;
        // Where what was is shown, the archive is the one that the device had.
        if self.0.read_only() || (!inputs.stale(RENDERER_VERSION) && !row.undecided) {
            let archive = row.archive.as_ref().map(known);
            self.0.edge().rendered(id, inputs.position, archive);
            return Ok(Rendering::Current);
        }
        self.render_inputs(id, inputs).await
    }

    /// What the inputs make, without storing anything.
    pub(crate) async fn compute(
        &self,
        inputs: &Inputs,
    ) -> Result<Result<netjson::Archive, String>, Failure> {
        let id = inputs.device.id;
        self.computed(inputs, move |computation| {
            let rendering = computation.rendering()?;
            if let Some(finding) = adding(&rendering).first() {
                tracing::warn!(device.id = %id, %finding, "a device reads more than was planned");
            }
            Ok(rendering.archive())
        })
        .await
    }

    /// Do the inputs fit together? Values that would bring in what nobody planned.
    pub(crate) async fn fit(
        &self,
        inputs: &Inputs,
    ) -> Result<Result<Vec<Finding>, String>, Failure> {
        self.computed(inputs, |computation| {
            computation.rendering().map(|rendering| adding(&rendering))
        })
        .await
    }

    /// Computes where it may take its time.
    pub(super) async fn computed<T: Send + 'static>(
        &self,
        inputs: &Inputs,
        compute: impl FnOnce(&Computation) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let computation = Computation {
            backend: inputs.configuration.backend.clone(),
            config: inputs.configuration.config.clone(),
            hostname: hostname(&inputs.configuration.config, &inputs.device.name),
            templates: inputs
                .templates
                .iter()
                .map(|template| Arc::new(template.config.clone()))
                .collect(),
            context: self.context(inputs).await?,
            dsa: self.dsa(&inputs.device.information.os),
        };
        let permit = self.0.render_permits().acquire_owned().await;
        let computed = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            compute(&computation)
        });
        computed.await.map_err(|error| Failure::Broken(Box::new(error)))
    }

    async fn render_inputs(&self, id: DeviceId, inputs: Inputs) -> Result<Rendering, Failure> {
        let (row, position) = (&inputs.configuration, inputs.position);
        let outcome = match self.compute(&inputs).await? {
            Err(reason) => Err(reason),
            Ok(archive) => {
                if !is_held(row, &archive.sha256) {
                    let organization = Some(row.organization_id.as_uuid());
                    self.0.blobs().put(organization, &archive.bytes).await?;
                }
                Ok(rendered(archive, position))
            }
        };
        let cause = cause(inputs.changed, inputs.rendered.as_ref(), row);
        let causes = self.0.store().identities_at(&Vec::from_iter(cause)).await?;
        let cause = cause.and_then(|position| causes.get(&position));
        let rendering = self.accept(row, position, &outcome, cause).await?;
        if rendering.is_of_its_inputs() {
            self.remember(position, &[(id, outcome.ok())]).await?;
        }
        Ok(rendering)
    }

    /// Lets the configuration take over what its inputs at a position gave, because of an event. The bytes are stored.
    pub(super) async fn accept(
        &self,
        row: &ConfigurationRow,
        position: i64,
        outcome: &Result<ArchiveRendered, String>,
        cause: Option<&Identity>,
    ) -> Result<Rendering, Failure> {
        let id = row.device_id;
        let rendering = match outcome {
            Err(_) => Rendering::Failed,
            Ok(archive) if is_held(row, &archive.sha256) => Rendering::Equal,
            Ok(_) => Rendering::Changed,
        };
        if rendering == Rendering::Equal && !row.undecided && row.failure.is_none() {
            return Ok(rendering);
        }
        let command = match outcome {
            Ok(archive) => ConfigurationCommand::AcceptRendering(archive.clone()),
            Err(reason) => ConfigurationCommand::AcceptFailure {
                inputs_position: position,
                reason: reason.clone(),
            },
        };
        let by = By::after("render_configurations", cause);
        let decided = decide!(self.0, &by, work => {
            if self.changed(id).await? > position {
                return Ok(false);
            }
            work.handle::<Configuration>(id.as_uuid(), command.clone()).await?;
            Ok(true)
        });
        if let (Ok((true, _)), Err(reason)) = (&decided, outcome)
            && row.failure.as_ref() != Some(reason)
        {
            // The reason quotes contents, which may be secret: it is with the configuration, not in the log.
            tracing::warn!(
                device.id = %id,
                has_archive = row.archive.is_some(),
                "the configuration of device {id} makes no archive: see its failure, or its event configuration.rendering_failed"
            );
        }
        match decided {
            Ok((true, _)) => Ok(rendering),
            // Of inputs that are no more: it must not settle what was decided since. Whoever changed them renders next.
            Ok((false, _)) => Ok(Rendering::Superseded),
            // Removed in the meantime.
            Err(Failure::NotFound(_)) => Ok(Rendering::Absent),
            Err(failure) => Err(failure),
        }
    }

    /// Position of the last change of the configuration itself.
    async fn changed(&self, id: DeviceId) -> Result<i64, Failure> {
        let sql = "SELECT changed FROM configurations WHERE device_id = $1";
        let rows = self.0.store().fetch(Query::new(sql, args![id.as_uuid()])).await?;
        Ok(rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(0))
    }

    /// Notes what renderings were computed from. Written as it is, not as a maximum: when two nodes
    /// rendered at once, the one whose archive the log names last is the one that counts.
    pub(super) async fn remember(
        &self,
        position: i64,
        rendered: &[(DeviceId, Option<ArchiveRendered>)],
    ) -> Result<(), Failure> {
        let op = |(id, archive): &(DeviceId, Option<ArchiveRendered>)| {
            Op::new(
                "INSERT INTO renderings (device_id, position, sha256, renderer) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (device_id) DO UPDATE SET position = excluded.position, sha256 = excluded.sha256, renderer = excluded.renderer",
                args![
                    id.as_uuid(),
                    position,
                    archive.as_ref().map(|archive| archive.sha256.clone()),
                    RENDERER_VERSION
                ],
            )
        };
        self.0.store().execute(rendered.iter().map(op).collect()).await?;
        for (id, archive) in rendered {
            self.0.edge().rendered(*id, position, archive.as_ref().map(known));
        }
        Ok(())
    }

    /// Reads an archive's bytes.
    pub(crate) async fn archive(
        &self,
        organization: OrganizationId,
        name: &str,
        sha256: &str,
        md5: &str,
    ) -> Result<Archive, Failure> {
        let hash: Sha256 =
            sha256.parse().map_err(|error| Failure::Broken(Box::new(error) as Box<_>))?;
        let bytes = self.0.blobs().get(Some(organization.as_uuid()), hash).await?;
        let bytes = bytes.ok_or_else(|| Failure::Broken("the archive's blob is missing".into()))?;
        let (name, md5) = (name.to_owned(), md5.to_owned());
        Ok(Archive { name, bytes: bytes.into(), md5, masked: false })
    }

    /// The variables of a device, by precedence (manual 04, "Order of Precedence of Configuration Variables").
    pub(crate) async fn context(&self, inputs: &Inputs) -> Result<Document, Failure> {
        let device = &inputs.device;
        let place = Place::DeviceKey(device.id, device.organization_id);
        let key = self.0.sealing().open(place, &device.key).await?;
        Ok(self.layers(&Layers {
            defaults: inputs.templates.iter().map(|template| &template.default_values).collect(),
            predefined: [
                ("id", &device.id.to_string()),
                ("key", key.expose_secret()),
                ("mac_address", &device.mac_address),
                ("name", &device.name),
            ],
            organization: &inputs.organization_variables,
            group: &inputs.group_variables,
            hardware_id: device.hardware_id.as_deref().unwrap_or_default(),
            own: &inputs.configuration.variables,
        }))
    }

    /// The same for a device whose inputs are at hand one by one.
    pub(crate) async fn computation(&self, layered: Layered<'_>) -> Result<Computation, Failure> {
        let Layered { device, configuration, templates, organization, group } = layered;
        let place = Place::DeviceKey(device.id, device.organization_id);
        let key = self.0.sealing().open(place, &device.key).await?;
        let context = self.layers(&Layers {
            defaults: templates.iter().map(|template| &*template.default_values).collect(),
            predefined: [
                ("id", &device.id.to_string()),
                ("key", key.expose_secret()),
                ("mac_address", &device.mac_address),
                ("name", &device.name),
            ],
            organization,
            group,
            hardware_id: device.hardware_id.as_deref().unwrap_or_default(),
            own: &configuration.variables,
        });
        Ok(Computation {
            backend: configuration.backend.clone(),
            config: configuration.config.clone(),
            hostname: hostname(&configuration.config, &device.name),
            templates: templates.iter().map(|template| Arc::clone(&template.config)).collect(),
            context,
            dsa: self.dsa(&device.information.os),
        })
    }

    /// Lays the variables over each other.
    pub(crate) fn layers(&self, layers: &Layers<'_>) -> Document {
        let settings = &self.0.settings().controller;
        let mut context = Document::new();
        for defaults in &layers.defaults {
            context.extend((*defaults).clone());
        }
        for (name, value) in layers.predefined {
            context.insert(name.to_owned(), Value::String(value.to_owned()));
        }
        context.extend(settings.context.clone());
        context.extend(layers.organization.clone());
        context.extend(layers.group.clone());
        if settings.hardware_id_enabled {
            let id = Value::String(layers.hardware_id.to_owned());
            context.insert("hardware_id".to_owned(), id);
        }
        context.extend(layers.own.clone());
        context
    }

    /// The syntax for an operating system.
    pub(crate) fn dsa(&self, os: &str) -> bool {
        if os.is_empty() {
            self.0.settings().controller.dsa_default
        } else {
            netjson::is_openwrt_dsa(os)
        }
    }
}

impl Rendering {
    /// Did the inputs come to something, an archive or a failure, that was taken over?
    pub(super) fn is_of_its_inputs(self) -> bool {
        matches!(self, Self::Equal | Self::Changed | Self::Failed)
    }
}

/// Where the event is that a rendering follows from: the newest change of its inputs. None for one that only other
/// generators made necessary.
pub(super) fn cause(
    changed: i64,
    rendered: Option<&LastRendering>,
    row: &ConfigurationRow,
) -> Option<i64> {
    let newer = rendered.is_none_or(|(position, ..)| *position < changed);
    (changed > 0 && (newer || row.undecided)).then_some(changed)
}

/// Is it what the device downloads at present?
pub(super) fn is_held(row: &ConfigurationRow, sha256: &str) -> bool {
    row.archive.as_ref().is_some_and(|held| held.sha256 == sha256)
}

/// An archive as the log names it.
pub(super) fn rendered(archive: netjson::Archive, inputs_position: i64) -> ArchiveRendered {
    ArchiveRendered {
        sha256: archive.sha256,
        md5: archive.md5,
        size: u64::try_from(archive.bytes.len()).unwrap_or(u64::MAX),
        inputs_position,
        renderer: RENDERER_VERSION,
    }
}

pub(super) fn known(archive: &ArchiveRendered) -> KnownArchive {
    KnownArchive { md5: archive.md5.clone(), sha256: archive.sha256.clone() }
}

/// What is said about contents quotes them; the device's key is put back as the variable that it came from.
pub(crate) fn without_key(text: &str, context: &Document) -> String {
    match context.get("key") {
        Some(Value::String(key)) => KeyMask::of([key.as_str().into()]).text(text),
        _ => text.to_owned(),
    }
}

/// The device's name as its host name, unless its own contents say one. Colons cannot be in host names.
pub(crate) fn hostname(config: &Document, name: &str) -> Option<String> {
    let own = config.get("general").and_then(|general| general.get("hostname"));
    own.is_none().then(|| name.replace(':', "-"))
}
