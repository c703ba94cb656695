//! `DELETE /api/v1/controller/device/{id}/`: deactivated devices only, unless `?force=true`.

use app::ControllerSettings;
use axum::extract::State;
use domain::{DeviceId, Permission};

use super::super::{
    answer::Gone,
    caller::Caller,
    failure::RestError,
    filters::Filters,
    id::Id,
    query::{Narrowing, Query},
};
use crate::ApiState;

/// Also a device that is served?
pub(super) struct Force(bool);

impl Narrowing for Force {
    fn read(filters: &mut Filters<'_>, _: &ControllerSettings) -> Self {
        Self(filters.is("force", "true"))
    }
}

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    query: Query<Force>,
) -> Result<Gone, RestError> {
    caller.may(Permission::DeleteDevice)?;
    let (Force(force), _) = query.read(&state);
    state.app.devices().remove(&caller.by, DeviceId::from_uuid(id), force).await?;
    Ok(Gone)
}
