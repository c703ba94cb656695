//! `GET /api/v1/controller/device/`

use axum::{extract::State, response::Response};
use domain::{GroupId, Permission, TemplateId, configuration::ConfigurationStatus};
use projections::{Order, device::DeviceFilter};
use serde_json::{Value, json};

use super::{
    super::{
        caller::Caller, failure::RestError, filters::Filters, list::Wanted, references,
        sentences::NO_CHOICE,
    },
    shape,
};
use crate::ApiState;

const STATUSES: [ConfigurationStatus; 5] = [
    ConfigurationStatus::Modified,
    ConfigurationStatus::Applied,
    ConfigurationStatus::Error,
    ConfigurationStatus::Deactivating,
    ConfigurationStatus::Deactivated,
];

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    wanted: Wanted,
) -> Result<Response, RestError> {
    caller.may(Permission::ViewDevice)?;
    let filter = filter(&state, &caller, &wanted).await?;
    let devices = state.app.devices();
    let read = |page| devices.list(&caller.by, filter.clone(), Order::NewestFirst, page);
    let mut found = read(wanted.page()?).await?;
    if let Some(last) = wanted.last(found.count) {
        found = read(last).await?;
    }
    let hardware_ids = state.app.settings().controller.hardware_id_enabled;
    let details = devices.details(&caller.by, found.rows).await?;
    let results: Vec<Value> =
        details.iter().map(|detail| shape::short(detail, hardware_ids)).collect();
    wanted.answer(found.count, results)
}

async fn filter(
    state: &ApiState,
    caller: &Caller,
    wanted: &Wanted,
) -> Result<DeviceFilter, RestError> {
    let mut filters = Filters::new(&wanted.query);
    let mut organizations = references::organizations(&mut filters, &state.app, caller).await?;
    let group = filters.id("group");
    if let Some(id) = group
        && !references::group(&state.app, caller, id).await?
    {
        filters.errors.add("group", NO_CHOICE);
    }
    if on_the_map(&mut filters) {
        organizations = Some(Vec::new());
    }
    let template = template(&mut filters);
    let created = filters.created();
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let filter = DeviceFilter {
        organizations,
        name_contains: owned(filters.text("name")),
        mac_address_contains: owned(filters.text("mac_address")),
        group: group.map(GroupId::from_uuid),
        status: filters.choice("config__status", &STATUSES.map(ConfigurationStatus::as_str)),
        backend: filters.choice("config__backend", &state.app.settings().controller.backends),
        template,
        created: created.at,
        created_from: created.from,
        created_before: created.before,
        ..DeviceFilter::default()
    };
    filters.check()?;
    Ok(filter)
}

/// Is a place asked for? No device has one yet.
fn on_the_map(filters: &mut Filters<'_>) -> bool {
    let location = filters.id("location").is_some();
    let floor_plan = filters.id("floorplan").is_some();
    let named = filters.text("location__name").is_some();
    location || floor_plan || named || filters.switch("with_geo") == Some(true)
}

/// Clients know one sentence here, not a list of them.
fn template(filters: &mut Filters<'_>) -> Option<TemplateId> {
    let known = std::mem::take(&mut filters.errors);
    let id = filters.id("config__templates");
    let malformed = !std::mem::replace(&mut filters.errors, known).is_empty();
    if malformed {
        filters.errors.set("config__templates", json!("Invalid UUID format"));
    }
    id.map(TemplateId::from_uuid)
}

#[cfg(test)]
mod tests {
    use super::{super::super::failure::Errors, *};
    use crate::form::Form;

    #[test]
    fn a_malformed_template_is_told_in_one_sentence() {
        let query = Form::parse(b"config__templates=nope&location=nope");
        let mut filters = Filters::new(&query);
        assert!(!on_the_map(&mut filters));
        assert_eq!(template(&mut filters), None);
        let mut expected = Errors::one("location", "“nope” is not a valid UUID.");
        expected.set("config__templates", json!("Invalid UUID format"));
        assert_eq!(filters.errors, expected);
    }
}
