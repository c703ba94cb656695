//! `GET /api/v1/controller/group/`

use app::ControllerSettings;
use axum::extract::State;
use domain::Permission;
use projections::{Order, group::GroupFilter};

use super::{
    super::{
        answer::List,
        caller::Caller,
        failure::RestError,
        filters::Filters,
        list::Wanted,
        query::Narrowing,
        references::{self, Owner},
    },
    shape::{DeviceGroup, shape},
};
use crate::ApiState;

/// What the list is narrowed down by.
pub(super) struct Narrowed {
    owner: Owner,
    empty: Option<bool>,
}

impl Narrowing for Narrowed {
    fn read(filters: &mut Filters<'_>, _: &ControllerSettings) -> Self {
        Self { owner: Owner::read(filters), empty: filters.switch("empty") }
    }
}

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    wanted: Wanted<Narrowed>,
) -> Result<List<DeviceGroup>, RestError> {
    caller.may(Permission::ViewGroup)?;
    let (narrowed, mut filters) = wanted.narrowed(&state);
    let owners = references::organizations(&mut filters, &narrowed.owner, &state.app, &caller);
    let filter = GroupFilter {
        organizations: owners.await?,
        empty: narrowed.empty,
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
