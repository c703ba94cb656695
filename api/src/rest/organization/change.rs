//! `PUT` and `PATCH /api/v1/users/organization/{id}/`. Fields that are left out stay as they are.

use app::OrganizationChange;
use axum::{Json, extract::State};
use domain::{OrganizationId, Permission};

use super::{
    super::{
        caller::Caller,
        failure::RestError,
        id::Id,
        sent::{Body, Reader},
        sentences::unknown,
    },
    get::shown,
    sent::{Sent, refused},
    shape::OrganizationDetail,
};
use crate::ApiState;

pub(super) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    body: Body<Sent>,
) -> Result<Json<OrganizationDetail>, RestError> {
    let id = OrganizationId::from_uuid(id);
    caller.may_plainly(Permission::ChangeOrganization)?;
    let organizations = state.app.organizations();
    // What is not there is told before what is wrong with the body.
    organizations.get(&caller.by, id).await?;
    let sent = body.checked(Reader::of(&state, &caller)).await?;
    if let Some(place) = sent.owner {
        let accounts = state.app.accounts();
        match accounts.manager(&caller.by, id, place).await? {
            Some(manager) => accounts.hand_over(&caller.by, id, manager).await.map(drop)?,
            None => return Err(RestError::field("owner.organization_user", unknown(place))),
        }
    }
    let change = OrganizationChange {
        name: sent.name,
        slug: sent.slug,
        description: sent.description,
        email: sent.email,
        url: sent.url,
        is_active: sent.is_active,
        registration_enabled: sent.registration_enabled,
        shared_secret: sent.shared_secret,
        context: sent.context,
        device_limit: sent.device_limit,
    };
    organizations.change(&caller.by, id, change).await.map_err(refused)?;
    Ok(Json(shown(&state, &caller, id).await?))
}
