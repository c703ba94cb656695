//! `GET /api/v1/users/organization/`

use axum::extract::State;
use domain::Permission;
use projections::{Order, organization::OrganizationFilter};

use super::{
    super::{answer::List, caller::Caller, failure::RestError, list::Wanted},
    shape::{self, Organization},
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    wanted: Wanted,
) -> Result<List<Organization>, RestError> {
    caller.may_plainly(Permission::ViewOrganization)?;
    let organizations = state.app.organizations();
    let all = OrganizationFilter::default;
    let read = |page| organizations.list(&caller.by, all(), Order::NewestFirst, page);
    let mut found = read(wanted.page()?).await?;
    if let Some(last) = wanted.last(found.count) {
        found = read(last).await?;
    }
    wanted.answer(found.count, found.rows.iter().map(shape::short).collect())
}
