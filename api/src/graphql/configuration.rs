//! Configurations of devices.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::configuration::{ArchiveRendered, ConfigurationStatus};
use projections::configuration::ConfigurationRow;

use super::{
    device::ConfigurationStatusName,
    error::shared,
    loaders::TemplatesOf,
    request::loaders,
    scalar::{JsonObject, Position},
    template::{Template, in_order},
};

/// What a device is to run, and how far it is.
pub(super) struct Configuration(pub(super) ConfigurationRow);

#[Object]
impl Configuration {
    /// Generator of its files, such as `netjsonconfig.OpenWrt`.
    async fn backend(&self) -> &str {
        &self.0.backend
    }

    /// How the device stands to it.
    async fn status(&self) -> ConfigurationStatusName {
        self.0.status.into()
    }

    /// The device's own contents, NetJSON; templates come beneath.
    async fn config(&self) -> JsonObject {
        JsonObject(self.0.config.clone())
    }

    /// The device's own variables.
    async fn variables(&self) -> JsonObject {
        JsonObject(self.0.variables.clone())
    }

    /// Its templates, first to last; later ones win.
    async fn templates(&self, ctx: &Context<'_>) -> Result<Vec<Template>> {
        let ids = loaders(ctx)?.load_one(TemplatesOf(self.0.device_id)).await.map_err(shared)?;
        in_order(ctx, &ids.unwrap_or_default()).await
    }

    /// What the agent said when it could not apply it; null in other states.
    async fn error_reason(&self) -> Option<&str> {
        (self.0.status == ConfigurationStatus::Error).then_some(self.0.error_reason.as_str())
    }

    /// Why contents, templates and variables make no archive at present; the device keeps the one it has.
    async fn failure(&self) -> Option<&str> {
        self.0.failure.as_deref()
    }

    /// What the device downloads.
    async fn archive(&self) -> Option<Archive> {
        self.0.archive.as_ref().map(Archive::from)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was changed last, reports included.
    async fn modified_at(&self) -> DateTime<Utc> {
        self.0.modified_at
    }
}

/// Files as a device downloads them.
#[derive(SimpleObject)]
#[graphql(name = "ConfigurationArchive")]
pub(super) struct Archive {
    /// 32 hexadecimal digits; what the device compares.
    md5: String,
    /// 64 hexadecimal digits.
    sha256: String,
    /// In bytes.
    size: u64,
    /// Position of the log that it was computed from.
    inputs_position: Position,
    /// Version of the generators that computed it.
    renderer: u32,
}

impl From<&ArchiveRendered> for Archive {
    fn from(archive: &ArchiveRendered) -> Self {
        Self {
            md5: archive.md5.clone(),
            sha256: archive.sha256.clone(),
            size: archive.size,
            inputs_position: Position(archive.inputs_position),
            renderer: archive.renderer,
        }
    }
}
