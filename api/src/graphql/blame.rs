//! Who put what where: the parts of a configuration with the events that they are there because of.

use app::{Blamed, BlamedSource, BlamedVariable, TemplateLink, VariableSource};
use async_graphql::{Context, Enum, ID, Json, Object, Result, SimpleObject};

use super::history::HistoryCause;

/// An option of a device's configuration, or an element of one of its lists that nothing but its contents tells from others, and where
/// it comes from.
pub(super) struct BlamedPart(pub(super) Blamed);

/// What a part of a configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
enum BlamedPartSource {
    /// The device's own configuration.
    Device,
    /// The device's name, which is its host name unless its own configuration says one.
    DeviceName,
    /// A template.
    Template,
}

/// What gives a variable its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "VariableSource")]
enum BlamedVariableSource {
    /// The device's own variables.
    Device,
    /// What every device has: id, key, name, addresses.
    Predefined,
    /// Its group.
    Group,
    /// Its organization.
    Organization,
    /// The settings of the program.
    Settings,
    /// A default value of a template.
    Template,
    /// Nothing: the text stays as it is.
    Unset,
}

/// A template as it was called then.
#[derive(SimpleObject)]
struct BlamedTemplate {
    /// The template.
    id: ID,
    /// What it was called at the moment that is shown.
    name: String,
}

impl BlamedTemplate {
    fn of(link: &TemplateLink) -> Self {
        Self { id: link.id.to_string().into(), name: link.name.clone() }
    }
}

/// A part of a configuration: an option, or an element of a list that nothing but its contents tells from others.
#[Object(name = "ConfigurationPart")]
impl BlamedPart {
    /// Where it stands in the contents that templates and device make together, a JSON pointer (RFC 6901).
    async fn pointer(&self) -> &str {
        &self.0.pointer
    }

    /// As it is written there, before variables are put in.
    async fn written(&self) -> Json<serde_json::Value> {
        Json(self.0.written.clone())
    }

    /// What it comes from; where several say it, what wins.
    async fn source(&self) -> BlamedPartSource {
        match self.0.source {
            BlamedSource::Device => BlamedPartSource::Device,
            BlamedSource::DeviceName => BlamedPartSource::DeviceName,
            BlamedSource::Template(_) => BlamedPartSource::Template,
        }
    }

    /// The template that it comes from; null of one that the viewer may not see.
    async fn template(&self) -> Option<BlamedTemplate> {
        match &self.0.source {
            BlamedSource::Template(Some(link)) => Some(BlamedTemplate::of(link)),
            _ => None,
        }
    }

    /// The event that it is there because of, the latest one of the three below; null where the viewer may not see that.
    #[graphql(complexity = "2 + child_complexity")]
    async fn event(&self, ctx: &Context<'_>) -> Result<Option<HistoryCause>> {
        HistoryCause::at(ctx, self.0.position).await
    }

    /// Since which event it is written so, there where it comes from.
    #[graphql(complexity = "2 + child_complexity")]
    async fn written_by(&self, ctx: &Context<'_>) -> Result<Option<HistoryCause>> {
        HistoryCause::at(ctx, self.0.written_at).await
    }

    /// Since which event the device has the template; null of what is its own.
    #[graphql(complexity = "2 + child_complexity")]
    async fn assigned_by(&self, ctx: &Context<'_>) -> Result<Option<HistoryCause>> {
        HistoryCause::at(ctx, self.0.assigned_at).await
    }

    /// Since which event nothing else takes its place: no stronger template, nothing of the device's own.
    #[graphql(complexity = "2 + child_complexity")]
    async fn prevails_by(&self, ctx: &Context<'_>) -> Result<Option<HistoryCause>> {
        HistoryCause::at(ctx, self.0.prevails_at).await
    }

    /// The variables that it is written with.
    async fn variables(&self) -> Vec<PartVariable> {
        self.0.variables.iter().cloned().map(PartVariable).collect()
    }
}

/// A variable that a part of a configuration is written with.
struct PartVariable(BlamedVariable);

/// A variable that a part of a configuration is written with.
#[Object(name = "ConfigurationPartVariable")]
impl PartVariable {
    /// Between braces.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What gives it its value; of several what wins.
    async fn source(&self) -> BlamedVariableSource {
        self.0.source.into()
    }

    /// The template whose default value it is; null of one that the viewer may not see.
    async fn template(&self) -> Option<BlamedTemplate> {
        self.0.template.as_ref().map(BlamedTemplate::of)
    }

    /// The event that its value is there because of; null where no event is behind it, or one that the viewer may not see.
    #[graphql(complexity = "2 + child_complexity")]
    async fn event(&self, ctx: &Context<'_>) -> Result<Option<HistoryCause>> {
        HistoryCause::at(ctx, self.0.position).await
    }
}
