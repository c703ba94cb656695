//! `POST /api/v1/controller/template/`

use app::{Failure, NewTemplate, Refusal};
use axum::extract::State;
use domain::{OrganizationId, Permission, TemplateId, kind};

use super::{
    super::{
        answer::Created,
        caller::Caller,
        failure::RestError,
        references,
        sent::{Body, Reader},
    },
    shape::{Sent, Template, shape},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    body: Body<Sent>,
) -> Result<Created<Template>, RestError> {
    caller.may(Permission::AddTemplate)?;
    let (sent, mut fields) = body.read(Reader::of(&state, &caller)).await?;
    let organization = sent.organization.flatten();
    references::check_organization(&mut fields, &state.app, &caller, organization).await?;
    sent.must_have_contents(&mut fields);
    fields.check()?;
    let (Some(name), Some(backend)) = (sent.name, sent.backend) else {
        return Err(RestError::Broken);
    };
    let id = TemplateId::from_uuid(state.app.new_id());
    let new = NewTemplate {
        id,
        organization_id: organization.map(OrganizationId::from_uuid),
        name,
        backend,
        config: sent.config.unwrap_or_default(),
        default_values: sent.default_values.unwrap_or_default(),
        tags: Vec::new(),
        default: sent.default.unwrap_or_default(),
        required: sent.required.unwrap_or_default(),
        notes: sent.notes.unwrap_or_default(),
    };
    let templates = state.app.templates();
    let shared = new.organization_id.is_none();
    templates.create(&caller.by, new).await.map_err(|failure| name_taken(failure, shared))?;
    Ok(Created::new(shape(&templates.get(&caller.by, id).await?)))
}

/// Names of shared templates are unique among all; the sentence depends on which of the two is shared.
pub(super) fn name_taken(failure: Failure, shared: bool) -> RestError {
    const OTHERS: &str = "There is already a template of another organization with this name. Shared objects are visible to all organizations and must have unique names to avoid confusion.";
    match failure {
        Failure::Refused(Refusal::SharedTemplateName) if shared => RestError::field("name", OTHERS),
        Failure::Taken(taken)
            if shared && taken.iter().any(|taken| taken.kind == kind::TEMPLATE_NAME) =>
        {
            RestError::field("name", Refusal::SharedTemplateName.to_string())
        }
        failure => failure.into(),
    }
}
