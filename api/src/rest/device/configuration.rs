//! `GET /api/v1/controller/device/{id}/configuration/`: the archive that the device downloads; with `?at=` the one that
//! it had at a moment.

use app::{ControllerSettings, Moment, World};
use axum::extract::State;
use chrono::TimeDelta;
use domain::{DeviceId, Permission};

use super::super::{
    answer::Archive,
    caller::Caller,
    failure::RestError,
    filters::Filters,
    id::Id,
    moment,
    query::{Narrowing, Query},
};
use crate::{ApiState, controller};

/// How far the clocks of clients may be ahead of this one's. Up to there a time to come is now.
const AHEAD: TimeDelta = TimeDelta::minutes(1);

/// Which one.
pub(super) struct At(Option<String>);

impl Narrowing for At {
    fn read(filters: &mut Filters<'_>, _: &ControllerSettings) -> Self {
        Self(filters.verbatim("at").map(str::to_owned))
    }
}

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    Id(id): Id,
    query: Query<At>,
) -> Result<Archive, RestError> {
    caller.may(Permission::ViewDevice)?;
    let id = DeviceId::from_uuid(id);
    let (At(text), _) = query.read(&state);
    let archive = if let Some(text) = text {
        let at = at(&text, state.app.world())?;
        state.app.history().archive_at(&caller.by, id, at).await?.0
    } else {
        // A device without configuration is there, its archive is not.
        state.app.devices().row(&caller.by, id).await?;
        state.app.configurations().archive_of(&caller.by, id).await?
    };
    Ok(Archive(controller::marked(controller::archive(archive))))
}

/// Digits are a position, all else is a time.
fn at(text: &str, world: &dyn World) -> Result<Moment, RestError> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let position = text.parse().map_err(|_| RestError::field("at", "is not a position"))?;
        return Ok(Moment::Position(position));
    }
    // A plus that was not escaped has become a space.
    let time = moment::parse(text).or_else(|| moment::parse(&text.replace(' ', "+")));
    match time {
        None => Err(RestError::field(
            "at",
            "is neither a time such as 2026-11-21T08:30:00Z nor a position",
        )),
        Some(time) if time > world.now() + AHEAD => {
            Err(RestError::field("at", "must not be in the future"))
        }
        Some(time) => Ok(Moment::Time(time)),
    }
}
