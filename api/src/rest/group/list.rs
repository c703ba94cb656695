//! `GET /api/v1/controller/group/`

use axum::{extract::State, response::Response};
use domain::Permission;
use projections::{Order, group::GroupFilter};

use super::{
    super::{caller::Caller, failure::RestError, filters::Filters, list::Wanted, references},
    shape::shape,
};
use crate::ApiState;

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    wanted: Wanted,
) -> Result<Response, RestError> {
    caller.may(Permission::ViewGroup)?;
    let mut filters = Filters::new(&wanted.query);
    let filter = GroupFilter {
        organizations: references::organizations(&mut filters, &state.app, &caller).await?,
        empty: filters.switch("empty"),
        ..GroupFilter::default()
    };
    filters.check()?;
    let groups = state.app.groups();
    let read = |page| groups.list(&caller.by, filter.clone(), Order::NewestFirst, page);
    let mut found = read(wanted.page()?).await?;
    if let Some(last) = wanted.last(found.count) {
        found = read(last).await?;
    }
    wanted.answer(found.count, found.rows.iter().map(shape).collect())
}
