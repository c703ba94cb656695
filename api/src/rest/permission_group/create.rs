//! `POST /api/v1/users/group/`

use axum::extract::State;
use domain::{Permission, PermissionGroupId};

use super::{
    super::{
        answer::Created,
        caller::Caller,
        failure::RestError,
        sent::{Body, Reader},
    },
    shape::{self, Group, Sent},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    body: Body<Sent>,
) -> Result<Created<Group>, RestError> {
    caller.may_plainly(Permission::AddPermissionGroup)?;
    let Sent { name, permissions } = body.checked(Reader::of(&state, &caller)).await?;
    let id = PermissionGroupId::from_uuid(state.app.new_id());
    let groups = state.app.permission_groups();
    let (name, permissions) = (name.unwrap_or_default(), permissions.unwrap_or_default());
    groups.create(&caller.by, id, &name, permissions).await?;
    Ok(Created::new(shape::shown(&groups.get(&caller.by, id).await?)))
}
