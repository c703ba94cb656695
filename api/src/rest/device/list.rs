//! `GET /api/v1/controller/device/`

use app::ControllerSettings;
use axum::extract::State;
use domain::{GroupId, Permission, TemplateId, configuration::ConfigurationStatus};
use projections::{Order, device::DeviceFilter};
use serde_json::json;
use uuid::Uuid;

use super::{
    super::{
        answer::List,
        caller::Caller,
        failure::RestError,
        filters::{Created, Filters},
        list::Wanted,
        query::Narrowing,
        references::{self, Owner},
        sentences::NO_CHOICE,
    },
    shape::{self, DeviceListed, STATUSES},
};
use crate::ApiState;

/// What the list is narrowed down by.
pub(super) struct Narrowed {
    owner: Owner,
    name: Option<String>,
    mac_address: Option<String>,
    status: Option<String>,
    backend: Option<String>,
    template: Option<TemplateId>,
    group: Option<Uuid>,
    on_the_map: bool,
    created: Created,
}

impl Narrowing for Narrowed {
    fn read(filters: &mut Filters<'_>, controller: &ControllerSettings) -> Self {
        Self {
            owner: Owner::read(filters),
            name: filters.text("name").map(str::to_owned),
            mac_address: filters.text("mac_address").map(str::to_owned),
            status: filters.choice("config__status", &STATUSES.map(ConfigurationStatus::as_str)),
            backend: filters.choice("config__backend", &controller.backends),
            template: template(filters),
            group: filters.id("group"),
            on_the_map: on_the_map(filters),
            created: filters.created(),
        }
    }
}

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    wanted: Wanted<Narrowed>,
) -> Result<List<DeviceListed>, RestError> {
    caller.may(Permission::ViewDevice)?;
    let (narrowed, filters) = wanted.narrowed(&state);
    let filter = filter(&state, &caller, narrowed, filters).await?;
    let devices = state.app.devices();
    let read = |page| devices.list(&caller.by, filter.clone(), Order::NewestFirst, page);
    let mut found = read(wanted.page()?).await?;
    if let Some(last) = wanted.last(found.count) {
        found = read(last).await?;
    }
    let hardware_ids = state.app.settings().controller.hardware_id_enabled;
    let details = devices.details(&caller.by, found.rows).await?;
    let results = details.iter().map(|detail| shape::short(detail, hardware_ids)).collect();
    wanted.answer(found.count, results)
}

async fn filter(
    state: &ApiState,
    caller: &Caller,
    narrowed: Narrowed,
    mut filters: Filters<'_>,
) -> Result<DeviceFilter, RestError> {
    let app = &state.app;
    let mut organizations =
        references::organizations(&mut filters, &narrowed.owner, app, caller).await?;
    if let Some(id) = narrowed.group
        && !references::group(app, caller, id).await?
    {
        filters.errors.add("group", NO_CHOICE);
    }
    filters.check()?;
    if narrowed.on_the_map {
        organizations = Some(Vec::new());
    }
    Ok(DeviceFilter {
        organizations,
        name_contains: narrowed.name,
        mac_address_contains: narrowed.mac_address,
        group: narrowed.group.map(GroupId::from_uuid),
        status: narrowed.status,
        backend: narrowed.backend,
        templates: narrowed.template.into_iter().collect(),
        created: narrowed.created.at,
        created_from: narrowed.created.from,
        created_before: narrowed.created.before,
        ..DeviceFilter::default()
    })
}

/// Is a place asked for? No device has one yet.
fn on_the_map(filters: &mut Filters<'_>) -> bool {
    let location = filters.id("location").is_some();
    let floor_plan = filters.id("floorplan").is_some();
    let named = filters.text("location__name").is_some();
    // All are read, whatever the first of them says.
    let anywhere = filters.switch("with_geo") == Some(true);
    location || floor_plan || named || anywhere
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
