//! `/api/v1/controller/organization/{id}/limits/`: how many devices an organization may have. 0 is any number, null is none.
//! Our own: the reference has it in its administration only (manual 04, "Organization Limits").

use app::OrganizationChange;
use axum::{Json, extract::State};
use domain::{OrganizationId, Permission, accounts::DeviceLimit};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    caller::Caller,
    endpoint::{self, Endpoint, Endpoints},
    failure::{Errors, RestError},
    fields::Fields,
    id::Id,
    operation::Methods,
    organization::{device_limit, limit},
    sent::{Body, Reader, Sent},
};
use crate::ApiState;

const LIMITS: Endpoint = Endpoint {
    path: "/api/v1/controller/organization/{id}/limits/",
    name: "Organization Limits",
    methods: endpoint::CHANGE,
    open: false,
};

/// How many devices an organization may have.
#[derive(Serialize, ToSchema)]
struct OrganizationLimits {
    organization: Uuid,
    /// 0 is any number, null is none.
    #[schema(required)]
    device_limit: Option<u32>,
    /// As many as it has.
    devices: u64,
}

/// The limits as clients send them.
struct Limits {
    devices: Option<DeviceLimit>,
}

impl Sent for Limits {
    const NAME: &'static str = "OrganizationLimits";

    fn read(fields: &mut Fields<'_>, _: Reader<'_>) -> Self {
        fields.require("device_limit");
        Self { devices: device_limit(fields) }
    }
}

pub(super) fn endpoints() -> Endpoints {
    let limits = Methods::default()
        .get("controller_organization_limits_read", "Limits of an organization", show)
        .put("controller_organization_limits_update", "All limits of an organization", change)
        .patch(
            "controller_organization_limits_partial_update",
            "Some limits of an organization",
            change,
        );
    Endpoints::default().add(&LIMITS, limits)
}

async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<OrganizationLimits>, RestError> {
    caller.may_plainly(Permission::ViewOrganization)?;
    shown(&state, &caller, OrganizationId::from_uuid(id)).await
}

async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Body<Limits>,
) -> Result<Json<OrganizationLimits>, RestError> {
    let id = OrganizationId::from_uuid(id);
    // Who founds organizations says how large they are.
    caller.may_plainly(Permission::AddOrganization)?;
    let organizations = state.app.organizations();
    organizations.limits(&caller.by, id).await?;
    let limits = body.checked(Reader::of(&state, &caller)).await?;
    let change =
        OrganizationChange { device_limit: limits.devices, ..OrganizationChange::default() };
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
) -> Result<Json<OrganizationLimits>, RestError> {
    let (held, devices) = state.app.organizations().limits(&caller.by, id).await?;
    let organization = id.as_uuid();
    Ok(Json(OrganizationLimits { organization, device_limit: limit(held), devices }))
}
