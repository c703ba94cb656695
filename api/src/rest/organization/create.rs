//! `POST /api/v1/users/organization/`

use app::NewOrganization;
use axum::{extract::State, http::HeaderValue};
use domain::{OrganizationId, Permission, accounts::OrganizationDetails};
use serde_json::json;

use super::{
    super::{
        answer::Created,
        caller::Caller,
        failure::RestError,
        sent::{Body, Reader},
    },
    sent::{Sent, refused},
    shape::{self, Organization},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    body: Body<Sent>,
) -> Result<Created<Organization>, RestError> {
    caller.may_plainly(Permission::AddOrganization)?;
    let sent = body.checked(Reader::of(&state, &caller)).await?;
    let (Some(name), Some(slug)) = (sent.name, sent.slug) else { return Err(RestError::Broken) };
    let id = OrganizationId::from_uuid(state.app.new_id());
    let new = NewOrganization {
        id,
        name,
        slug,
        details: OrganizationDetails {
            description: sent.description.unwrap_or_default(),
            email: sent.email.unwrap_or_default(),
            url: sent.url.unwrap_or_default(),
        },
        is_active: sent.is_active.unwrap_or(true),
        registration_enabled: sent.registration_enabled.unwrap_or(true),
        shared_secret: sent.shared_secret,
        context: sent.context.unwrap_or_default(),
        device_limit: sent.device_limit.unwrap_or_default(),
    };
    let organizations = state.app.organizations();
    organizations.create(&caller.by, new).await.map_err(refused).map_err(doubled)?;
    let row = organizations.get(&caller.by, id).await?;
    // Clients of the reference find the web site of what they made here.
    let location = HeaderValue::from_str(&row.url).ok();
    Ok(Created::new(shape::short(&row)).at(location))
}

/// Clients of the reference hear of a taken slug under two names.
fn doubled(error: RestError) -> RestError {
    match error {
        RestError::Invalid(mut errors) if errors.names("slug") => {
            errors.set("organization", json!(["organization with this slug already exists."]));
            RestError::Invalid(errors)
        }
        error => error,
    }
}
