//! `GET /api/v1/controller/template/`

use axum::{extract::State, response::Response};
use domain::Permission;
use projections::{Order, template::TemplateFilter};

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
    caller.may(Permission::ViewTemplate)?;
    let mut filters = Filters::new(&wanted.query);
    let organizations = references::organizations(&mut filters, &state.app, &caller).await?;
    let kind = filters.choice("type", &["generic", "vpn"]);
    let created = filters.created();
    let filter = TemplateFilter {
        // There are no templates for VPN servers.
        ids: (kind.as_deref() == Some("vpn")).then(Vec::new),
        organizations,
        backend: filters.choice("backend", &state.app.settings().controller.backends),
        default: filters.switch("default"),
        required: filters.switch("required"),
        created: created.at,
        created_from: created.from,
        created_before: created.before,
        ..TemplateFilter::default()
    };
    filters.check()?;
    let templates = state.app.templates();
    let read = |page| templates.list(&caller.by, filter.clone(), Order::NewestFirst, page);
    let mut found = read(wanted.page()?).await?;
    if let Some(last) = wanted.last(found.count) {
        found = read(last).await?;
    }
    wanted.answer(found.count, found.rows.iter().map(shape).collect())
}
