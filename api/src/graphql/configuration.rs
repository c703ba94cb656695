//! Configurations of devices.

use app::{ConfigurationAt, Failure, Moment, Refusal};
use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    DeviceId, TemplateId,
    configuration::{ArchiveRendered, ConfigurationStatus},
};
use projections::configuration::ConfigurationRow;

use super::{
    blame::BlamedPart,
    connection::{Listed, Window, cost, page},
    device::ConfigurationStatusName,
    error::{failure, shared},
    loaders::TemplatesOf,
    preview::ConfigurationFile,
    request::{app, by, loaders},
    scalar::{JsonObject, Position},
    template::{Template, in_order, in_order_at},
};

/// What a device is to run, and how far it is; as it is or as it was.
#[expect(clippy::large_enum_variant, reason = "nearly all are of the present")]
pub(super) enum Configuration {
    /// At present.
    Now(ConfigurationRow),
    /// At a moment of the past.
    Then {
        /// Whose it was.
        device: DeviceId,
        /// The last event that is in it.
        position: i64,
        /// The configuration.
        was: Box<ConfigurationAt>,
    },
}

/// What a device is to run, and how far it is; as it is, or as it was at the moment that was asked for.
#[Object]
impl Configuration {
    /// Generator of its files, such as `netjsonconfig.OpenWrt`.
    async fn backend(&self) -> &str {
        match self {
            Self::Now(row) => &row.backend,
            Self::Then { was, .. } => &was.backend,
        }
    }

    /// How the device stands to it.
    async fn status(&self) -> ConfigurationStatusName {
        match self {
            Self::Now(row) => row.status.into(),
            Self::Then { was, .. } => was.status.into(),
        }
    }

    /// The device's own contents, NetJSON; templates come beneath.
    async fn config(&self) -> JsonObject {
        match self {
            Self::Now(row) => JsonObject(row.config.clone()),
            Self::Then { was, .. } => JsonObject(was.config.clone()),
        }
    }

    /// The device's own variables.
    async fn variables(&self) -> JsonObject {
        match self {
            Self::Now(row) => JsonObject(row.variables.clone()),
            Self::Then { was, .. } => JsonObject(was.variables.clone()),
        }
    }

    /// Its templates, first to last; later ones win. In the past they are as they were then.
    async fn templates(&self, ctx: &Context<'_>) -> Result<Vec<Template>> {
        match self {
            Self::Now(row) => {
                let ids = loaders(ctx)?.load_one(TemplatesOf(row.device_id)).await;
                in_order(ctx, &ids.map_err(shared)?.unwrap_or_default()).await
            }
            Self::Then { position, was, .. } => {
                let ids: Vec<TemplateId> = was.templates.iter().map(|link| link.id).collect();
                in_order_at(ctx, &ids, *position).await
            }
        }
    }

    /// What the agent said when it could not apply it; null in other states.
    async fn error_reason(&self) -> Option<&str> {
        let (status, reason) = match self {
            Self::Now(row) => (row.status, &row.error_reason),
            Self::Then { was, .. } => (was.status, &was.error_reason),
        };
        (status == ConfigurationStatus::Error).then_some(reason.as_str())
    }

    /// Why contents, templates and variables make no archive at present; the device keeps the one it has.
    async fn failure(&self) -> Option<&str> {
        match self {
            Self::Now(row) => row.failure.as_deref(),
            Self::Then { was, .. } => was.failure.as_deref(),
        }
    }

    /// What the device downloads.
    async fn archive(&self) -> Option<Archive> {
        match self {
            Self::Now(row) => row.archive.as_ref().map(Archive::from),
            Self::Then { was, .. } => {
                was.archive.as_ref().map(|held| Archive::from(&held.rendered))
            }
        }
    }

    /// The files that the device downloads, by path, rendered first if an input changed; in the past those of that time.
    /// Null where there is no archive: `failure` tells why.
    #[graphql(complexity = "50 + child_complexity")]
    async fn files(&self, ctx: &Context<'_>) -> Result<Option<Vec<ConfigurationFile>>> {
        let (previews, by) = (app(ctx)?.previews(), by(ctx)?);
        let found = match self {
            Self::Now(row) => previews.rendered(by, row.device_id).await,
            Self::Then { device, position, .. } => {
                previews.rendered_at(by, *device, Moment::Position(*position)).await
            }
        };
        match found {
            Ok(rendered) => Ok(Some(ConfigurationFile::all(rendered.files))),
            Err(Failure::NotFound(_) | Failure::Refused(Refusal::TemplateConflict { .. })) => {
                Ok(None)
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// Who put what where: its options and elements of lists, templates and the device's own together, each with the event that it
    /// is there because of. Null where they do not fit together. Pages of the past stay as they are; of the present, parts come
    /// and go.
    #[graphql(complexity = "100 + cost(first, last, child_complexity)")]
    async fn blame(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(
            desc = "Only what stands there and below, a JSON pointer such as `/interfaces`."
        )]
        pointer: Option<String>,
    ) -> Result<Option<Listed<BlamedPart>>> {
        let window = Window { first, after, last, before };
        let (device, at) = match self {
            Self::Now(row) => (row.device_id, Moment::Now),
            Self::Then { device, position, .. } => (*device, Moment::Position(*position)),
        };
        let pointer = pointer.unwrap_or_default();
        let name = format!("blame:{device}:{at:?}:{pointer}");
        let stretch = window.stretch(&name)?;
        match app(ctx)?.history().blame(by(ctx)?, device, at, &pointer, &stretch).await {
            Ok(found) => Ok(Some(page(found, &name, &window, BlamedPart))),
            Err(Failure::NotFound(_) | Failure::Refused(Refusal::TemplateConflict { .. })) => {
                Ok(None)
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// Values that the device reads otherwise than planned, as they are written into its files; empty for the past.
    #[graphql(complexity = "50 + child_complexity")]
    async fn findings(&self, ctx: &Context<'_>) -> Result<Vec<Finding>> {
        match self {
            Self::Now(row) => {
                let found = app(ctx)?.configurations().findings(by(ctx)?, row.device_id).await;
                Ok(found.map_err(failure)?.iter().map(Finding::from).collect())
            }
            Self::Then { .. } => Ok(Vec::new()),
        }
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        match self {
            Self::Now(row) => row.created_at,
            Self::Then { was, .. } => was.created_at,
        }
    }

    /// When it was changed last, reports included.
    async fn modified_at(&self) -> DateTime<Utc> {
        match self {
            Self::Now(row) => row.modified_at,
            Self::Then { was, .. } => was.modified_at,
        }
    }
}

/// A value that a device reads otherwise than planned: quotes and line ends go into its files as they are.
#[derive(SimpleObject)]
#[graphql(name = "ConfigurationFinding")]
pub(super) struct Finding {
    /// Where the value stands in the merged contents, a JSON pointer (RFC 6901); null where it was put together from several.
    pointer: Option<String>,
    /// The package of its text.
    package: String,
    /// The section that was planned.
    section: Option<String>,
    /// The option that was planned.
    option: Option<String>,
    /// Does it bring in sections or options? Else planned ones are lost. A change that brings in new ones is refused.
    adds: bool,
    /// What the device reads, without the value.
    message: String,
}

impl From<&app::Finding> for Finding {
    fn from(finding: &app::Finding) -> Self {
        Self {
            pointer: finding.pointer.clone(),
            package: finding.package.clone(),
            section: finding.section.clone(),
            option: finding.option.clone(),
            adds: finding.adds(),
            message: finding.message(),
        }
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
