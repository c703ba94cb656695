//! Changing templates.

use app::{NewTemplate, Reads, TemplateChange};
use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{OrganizationId, TemplateId};
use uuid::Uuid;

use super::Template;
use crate::graphql::{
    error::failure,
    request::{Removed, app, by, made, once},
    scalar::{JsonObject, uuid},
    settled::{Settled, settled},
};

/// A new template.
#[derive(InputObject)]
pub(in crate::graphql) struct CreateTemplateInput {
    /// Chosen by the client: repeating the request with the same id never makes a second template.
    pub(in crate::graphql) id: Option<ID>,
    /// The owner; null is shared by all organizations, which superusers alone may make.
    organization_id: Option<ID>,
    /// Unique inside the organization.
    name: String,
    /// Generator of its files; left out, the first of the settings.
    #[graphql(default)]
    backend: String,
    /// NetJSON, not empty.
    config: JsonObject,
    /// Values of variables for devices that have no others.
    default_values: Option<JsonObject>,
    /// What agents ask for at registration.
    #[graphql(default)]
    tags: Vec<String>,
    /// Do new devices get it?
    #[graphql(name = "default", default)]
    is_default: bool,
    /// Do all devices of the organization have it always? Then it is a default one too.
    #[graphql(default)]
    required: bool,
    /// Free text.
    #[graphql(default)]
    notes: String,
}

/// New values for some of a template; what is left out stays.
#[derive(InputObject)]
pub(in crate::graphql) struct ChangeTemplateInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which template.
    id: ID,
    /// Another owner; null is shared by all organizations, which superusers alone may do. Devices elsewhere lose it.
    organization_id: MaybeUndefined<ID>,
    /// Unique inside the organization.
    name: Option<String>,
    /// Generator of its files.
    backend: Option<String>,
    /// NetJSON, all of it.
    config: Option<JsonObject>,
    /// Values of variables, all of them.
    default_values: Option<JsonObject>,
    /// All of them.
    tags: Option<Vec<String>>,
    /// Do new devices get it?
    #[graphql(name = "default")]
    is_default: Option<bool>,
    /// Do all devices of the organization have it always?
    required: Option<bool>,
    /// Free text.
    notes: Option<String>,
}

/// What is to be removed.
#[derive(InputObject)]
pub(in crate::graphql) struct RemoveTemplateInput {
    /// Repeating the request with the same id never has a second effect.
    client_mutation_id: Option<String>,
    /// Which template.
    id: ID,
}

/// A template after a mutation.
#[derive(SimpleObject)]
struct TemplatePayload {
    /// As it is now.
    template: Template,
    #[graphql(flatten)]
    settled: Settled,
}

impl CreateTemplateInput {
    /// What is to be made, with this id.
    pub(in crate::graphql) fn read(self, id: Uuid) -> Result<NewTemplate> {
        let organization =
            self.organization_id.map(|id| uuid("organizationId", &id)).transpose()?;
        Ok(NewTemplate {
            id: TemplateId::from_uuid(id),
            organization_id: organization.map(OrganizationId::from_uuid),
            name: self.name,
            backend: self.backend,
            config: self.config.0,
            default_values: self.default_values.map(|values| values.0).unwrap_or_default(),
            tags: self.tags,
            default: self.is_default,
            required: self.required,
            notes: self.notes,
        })
    }
}

impl ChangeTemplateInput {
    /// Which template, and what is to be changed.
    pub(in crate::graphql) fn read(self) -> Result<(TemplateId, TemplateChange)> {
        let id = TemplateId::from_uuid(uuid("id", &self.id)?);
        let organization = match self.organization_id {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(id) => {
                Some(Some(OrganizationId::from_uuid(uuid("organizationId", &id)?)))
            }
        };
        let change = TemplateChange {
            organization_id: organization,
            name: self.name,
            backend: self.backend,
            config: self.config.map(|config| config.0),
            default_values: self.default_values.map(|values| values.0),
            tags: self.tags,
            default: self.is_default,
            required: self.required,
            notes: self.notes,
        };
        Ok((id, change))
    }
}

impl RemoveTemplateInput {
    /// Which template.
    pub(in crate::graphql) fn read(&self) -> Result<TemplateId> {
        uuid("id", &self.id).map(TemplateId::from_uuid)
    }
}

async fn payload(ctx: &Context<'_>, id: TemplateId, position: i64) -> Result<TemplatePayload> {
    let settled = settled(ctx, Reads::Fleet, position).await?;
    let row = app(ctx)?.templates().get(by(ctx)?, id).await.map_err(failure)?;
    Ok(TemplatePayload { template: Template::Now(row), settled })
}

#[derive(Default)]
pub(in crate::graphql) struct TemplateMutation;

#[Object]
impl TemplateMutation {
    /// Makes a template; existing devices get it in the background when it is a required one.
    async fn create_template(
        &self,
        ctx: &Context<'_>,
        input: CreateTemplateInput,
    ) -> Result<TemplatePayload> {
        let (id, key) = made(ctx, input.id.as_ref())?;
        let new = input.read(id)?;
        let templates = app(ctx)?.templates();
        let done = once(ctx, key, |by| async move { templates.create(&by, new).await }).await?;
        payload(ctx, TemplateId::from_uuid(id), done.position).await
    }

    /// Changes a template; devices that have it follow in the background.
    async fn change_template(
        &self,
        ctx: &Context<'_>,
        mut input: ChangeTemplateInput,
    ) -> Result<TemplatePayload> {
        let key = input.client_mutation_id.take();
        let (templates, (id, change)) = (app(ctx)?.templates(), input.read()?);
        let done =
            once(ctx, key, |by| async move { templates.change(&by, id, change).await }).await?;
        payload(ctx, id, done.position).await
    }

    /// Lets a template not exist any more; its devices lose it in the background.
    async fn remove_template(
        &self,
        ctx: &Context<'_>,
        input: RemoveTemplateInput,
    ) -> Result<Removed> {
        let id = input.read()?;
        let (templates, key) = (app(ctx)?.templates(), input.client_mutation_id);
        let done = once(ctx, key, |by| async move { templates.remove(&by, id).await }).await?;
        Removed::new(ctx, Reads::Fleet, input.id, done).await
    }
}
