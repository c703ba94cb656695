//! `/api/v1/controller/organization/{id}/limits/`: how many devices an organization may have. 0 is any number, null is none.
//! Our own: the reference has it in its administration only (manual 04, "Organization Limits").

use app::OrganizationChange;
use axum::{Json, extract::State, routing::get};
use domain::{OrganizationId, Permission};
use serde_json::{Value, json};

use super::{
    caller::Caller,
    endpoint::{self, Endpoint, Unread},
    failure::{Errors, RestError},
    fields::{Extent, Fields},
    id::Id,
    organization::{device_limit, limit},
    sentences::REQUIRED,
};
use crate::{ApiState, routes::Routes};

const LIMITS: Endpoint = Endpoint {
    path: "/api/v1/controller/organization/{id}/limits/",
    name: "Organization Limits",
    methods: endpoint::CHANGE,
    open: false,
};

pub(super) fn routes() -> Routes {
    endpoint::add(Routes::default(), &LIMITS, get(show).put(change).patch(change))
}

async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Value>, RestError> {
    caller.may_plainly(Permission::ViewOrganization)?;
    shown(&state, &caller, OrganizationId::from_uuid(id)).await
}

async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    extent: Extent,
    body: Unread,
) -> Result<Json<Value>, RestError> {
    let id = OrganizationId::from_uuid(id);
    // Who founds organizations says how large they are.
    caller.may_plainly(Permission::AddOrganization)?;
    let organizations = state.app.organizations();
    organizations.limits(&caller.by, id).await?;
    let input = body.input().await?;
    let mut fields = Fields::some(&input);
    let limit = device_limit(&mut fields, &input);
    if limit.is_none() && extent == Extent::Whole && !fields.has("device_limit") {
        fields.refuse("device_limit", REQUIRED);
    }
    fields.check()?;
    let change = OrganizationChange { device_limit: limit, ..OrganizationChange::default() };
    organizations.change(&caller.by, id, change).await.map_err(|failure| match failure {
        app::Failure::Refused(refusal @ app::Refusal::LimitBelowDevices { .. }) => {
            RestError::Invalid(Errors::one("device_limit", refusal.to_string()))
        }
        failure => failure.into(),
    })?;
    shown(&state, &caller, id).await
}

async fn shown(
    state: &ApiState,
    caller: &Caller,
    id: OrganizationId,
) -> Result<Json<Value>, RestError> {
    let (held, devices) = state.app.organizations().limits(&caller.by, id).await?;
    Ok(Json(json!({ "organization": id, "device_limit": limit(held), "devices": devices })))
}
