//! `GET /api/v1/users/user/` and `GET /api/v1/users/user/{id}/`

use app::ControllerSettings;
use axum::{Json, extract::State};
use domain::{Permission, UserId};
use projections::{Order, accounts::UserFilter};

use super::{
    super::{
        answer::List, caller::Caller, failure::RestError, filters::Filters, id::Id, list::Wanted,
        query::Narrowing,
    },
    shape::{self, User, UserListed},
};
use crate::ApiState;

/// Who is looked for.
pub(super) struct Search(Option<String>);

impl Narrowing for Search {
    fn read(filters: &mut Filters<'_>, _: &ControllerSettings) -> Self {
        Self(filters.text("search").map(str::to_owned))
    }
}

pub(super) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    wanted: Wanted<Search>,
) -> Result<List<UserListed>, RestError> {
    // Who may browse is shown all, whatever is searched for; who may only find has to say whom.
    caller.may_plainly(Permission::FindUser)?;
    let browses = caller.by.authority.require_anywhere(Permission::ViewUser).is_ok();
    let (Search(search), filters) = wanted.narrowed(&state);
    let search = search.as_deref().filter(|_| !browses);
    if !browses {
        filters.check()?;
    }
    let accounts = state.app.accounts();
    let all = UserFilter::default;
    let read = |page| accounts.list(&caller.by, search, all(), Order::NewestFirst, page);
    let mut found = read(wanted.page()?).await?;
    if let Some(last) = wanted.last(found.count) {
        found = read(last).await?;
    }
    let shown = found.rows.iter().map(|account| shape::short(&caller, account)).collect();
    wanted.answer(found.count, shown)
}

pub(super) async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<User>, RestError> {
    caller.may_plainly(Permission::FindUser)?;
    Ok(Json(shown(&state, &caller, UserId::from_uuid(id)).await?))
}

/// The account as it is at present.
pub(super) async fn shown(
    state: &ApiState,
    caller: &Caller,
    id: UserId,
) -> Result<User, RestError> {
    let account = state.app.accounts().get(&caller.by, id).await?;
    Ok(shape::full(caller, &account))
}
