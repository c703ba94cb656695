//! `GET /api/v1/controller/template/`

use app::ControllerSettings;
use axum::extract::State;
use domain::Permission;
use projections::{Order, template::TemplateFilter};

use super::{
    super::{
        answer::List,
        caller::Caller,
        failure::RestError,
        filters::{Created, Filters},
        list::Wanted,
        query::Narrowing,
        references::{self, Owner},
    },
    shape::{KINDS, Template, shape},
};
use crate::ApiState;

/// What the list is narrowed down by.
pub(super) struct Narrowed {
    owner: Owner,
    backend: Option<String>,
    kind: Option<String>,
    default: Option<bool>,
    required: Option<bool>,
    created: Created,
}

impl Narrowing for Narrowed {
    fn read(filters: &mut Filters<'_>, controller: &ControllerSettings) -> Self {
        Self {
            owner: Owner::read(filters),
            backend: filters.choice("backend", &controller.backends),
            kind: filters.choice("type", &KINDS),
            default: filters.switch("default"),
            required: filters.switch("required"),
            created: filters.created(),
        }
    }
}

pub(super) async fn handle(
    State(state): State<ApiState>,
    caller: Caller,
    wanted: Wanted<Narrowed>,
) -> Result<List<Template>, RestError> {
    caller.may(Permission::ViewTemplate)?;
    let (narrowed, mut filters) = wanted.narrowed(&state);
    let owners = references::organizations(&mut filters, &narrowed.owner, &state.app, &caller);
    let filter = TemplateFilter {
        // There are no templates for VPN servers.
        ids: (narrowed.kind.as_deref() == Some("vpn")).then(Vec::new),
        organizations: owners.await?,
        backend: narrowed.backend,
        default: narrowed.default,
        required: narrowed.required,
        created: narrowed.created.at,
        created_from: narrowed.created.from,
        created_before: narrowed.created.before,
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
