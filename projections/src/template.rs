//! Templates as they are read.

use chrono::{DateTime, Utc};
use domain::{
    DeviceId, Document, OrganizationId, TemplateId,
    authority::ReadScope,
    configuration::{Backend, TemplateEvent, TemplateFlags},
};
use store::{Op, Row, Store, StoreError, args};

use crate::{
    NamedOrder, Order, Page, Slice, Stretch, Stretched,
    conditions::{Conditions, containing},
    first,
    render_inputs::{At, document, json},
};

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateRow {
    /// The template.
    pub id: TemplateId,
    /// The owner; none is shared.
    pub organization_id: Option<OrganizationId>,
    /// Unique inside the organization.
    pub name: String,
    /// Generator of its files, by its name on the wire.
    pub backend: String,
    /// `NetJSON`.
    pub config: Document,
    /// Default values of variables.
    pub default_values: Document,
    /// What agents ask for at registration.
    pub tags: Vec<String>,
    /// Who gets it.
    pub flags: TemplateFlags,
    /// What operators wrote down.
    pub notes: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub modified_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, organization_id, name, backend, config, default_values, tags, is_default, is_required, notes, created_at, modified_at";
const WIDTH: usize = 12;

fn read(row: &Row) -> Result<TemplateRow, StoreError> {
    Ok(TemplateRow {
        id: TemplateId::from_uuid(row.uuid(0)?),
        organization_id: row.uuid_or_null(1)?.map(OrganizationId::from_uuid),
        name: row.text(2)?,
        backend: row.text(3)?,
        config: document(&row.text(4)?),
        default_values: document(&row.text(5)?),
        tags: serde_json::from_str(&row.text(6)?).unwrap_or_default(),
        flags: TemplateFlags::new(row.bool(7)?, row.bool(8)?),
        notes: row.text(9)?,
        created_at: row.time(10)?,
        modified_at: row.time(11)?,
    })
}

/// One template, if it exists.
pub async fn by_id(
    store: &Store,
    scope: &ReadScope,
    id: TemplateId,
) -> Result<Option<TemplateRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.with("id = ?", id.as_uuid());
    conditions.plain("NOT removed");
    conditions.reached_or_shared(scope);
    let query = conditions.query(&format!("SELECT {COLUMNS} FROM templates"), "");
    first(store, query, read).await
}

/// The templates with these ids that exist, in no particular order.
pub async fn by_ids(
    store: &Store,
    scope: &ReadScope,
    ids: &[TemplateId],
) -> Result<Vec<TemplateRow>, StoreError> {
    let filter = TemplateFilter { ids: Some(ids.to_vec()), ..TemplateFilter::default() };
    all(store, scope, &filter).await
}

/// Which templates are listed; `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct TemplateFilter {
    /// Only these.
    pub ids: Option<Vec<TemplateId>>,
    /// Of one of these organizations.
    pub organizations: Option<Vec<OrganizationId>>,
    /// Shared ones too, where organizations are given.
    pub or_shared: bool,
    /// Shared ones only.
    pub only_shared: bool,
    /// Exactly this name.
    pub name: Option<String>,
    /// Of this backend.
    pub backend: Option<String>,
    /// That new devices get, or do not get.
    pub default: Option<bool>,
    /// That cannot be taken away, or can.
    pub required: Option<bool>,
    /// Made at this moment or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Made before this moment.
    pub created_before: Option<DateTime<Utc>>,
    /// Made exactly at this moment.
    pub created: Option<DateTime<Utc>>,
    /// This text somewhere in name, tags or notes, whatever the case.
    pub search: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// In the configuration of this device.
    pub device: Option<DeviceId>,
}

impl TemplateFilter {
    fn conditions(&self, scope: &ReadScope) -> Conditions {
        let mut conditions = Conditions::default();
        conditions.reached_or_shared(scope);
        conditions.plain("NOT removed");
        if let Some(ids) = &self.ids {
            conditions.any_of("id", ids.iter().map(|id| id.as_uuid()));
        }
        match &self.organizations {
            Some(organizations) if self.or_shared => {
                // Ids are UUIDs: nothing in them needs quoting.
                let of = |id: &OrganizationId| format!("organization_id = '{id}'");
                let any = std::iter::once("organization_id IS NULL".to_owned())
                    .chain(organizations.iter().map(of))
                    .collect::<Vec<_>>();
                let shared = format!("({})", any.join(" OR "));
                conditions.plain(&shared);
            }
            Some(organizations) => {
                conditions.any_of("organization_id", organizations.iter().map(|id| id.as_uuid()));
            }
            None => {}
        }
        if self.only_shared {
            conditions.plain("organization_id IS NULL");
        }
        if let Some(name) = &self.name {
            conditions.with("name = ?", name);
        }
        if let Some(backend) = &self.backend {
            conditions.with("backend = ?", backend);
        }
        if let Some(default) = self.default {
            conditions.with("is_default = ?", default);
        }
        if let Some(required) = self.required {
            conditions.with("is_required = ?", required);
        }
        conditions.created(self.created_from, self.created_before, self.created);
        if let Some(part) = &self.search {
            let clause = r"lower(name || ' ' || tags || ' ' || notes) LIKE ? ESCAPE '\'";
            conditions.with(clause, containing(&part.to_lowercase()));
        }
        if let Some(tag) = &self.tag {
            // Tags are a JSON list of texts; a tag is one of them as a whole.
            let quoted = serde_json::Value::String(tag.to_lowercase()).to_string();
            conditions.with(r"lower(tags) LIKE ? ESCAPE '\'", containing(&quoted));
        }
        if let Some(device) = self.device {
            let clause =
                "id IN (SELECT template_id FROM configuration_templates WHERE device_id = ?)";
            conditions.with(clause, device.as_uuid());
        }
        conditions
    }
}

/// A page of templates.
pub async fn list(
    store: &Store,
    scope: &ReadScope,
    filter: &TemplateFilter,
    order: Order,
    page: Page,
) -> Result<Slice<TemplateRow>, StoreError> {
    filter.conditions(scope).page(store, (COLUMNS, "templates"), order, page, read).await
}

/// A stretch of the templates.
pub async fn stretch(
    store: &Store,
    scope: &ReadScope,
    filter: &TemplateFilter,
    (order, descending): (NamedOrder, bool),
    stretch: Stretch,
) -> Result<Stretched<TemplateRow>, StoreError> {
    let sorting = order.sorting(descending);
    filter
        .conditions(scope)
        .stretch(store, (COLUMNS, WIDTH, "templates"), sorting, stretch, read)
        .await
}

/// All templates that pass the filter, by name; at most 1000.
pub async fn all(
    store: &Store,
    scope: &ReadScope,
    filter: &TemplateFilter,
) -> Result<Vec<TemplateRow>, StoreError> {
    let page = Page { limit: 1000, offset: 0 };
    Ok(list(store, scope, filter, Order::Name, page).await?.rows)
}

/// The templates that a new device of the organization gets, required ones first, each by name.
pub async fn defaults(
    store: &Store,
    organization: OrganizationId,
    backend: &Backend,
) -> Result<Vec<TemplateRow>, StoreError> {
    let filter = TemplateFilter {
        organizations: Some(vec![organization]),
        or_shared: true,
        backend: Some(backend.as_str().to_owned()),
        default: Some(true),
        ..TemplateFilter::default()
    };
    let mut templates = all(store, &ReadScope::of_rules(), &filter).await?;
    templates.sort_by(|one, other| {
        (!one.flags.is_required(), &one.name).cmp(&(!other.flags.is_required(), &other.name))
    });
    Ok(templates)
}

pub(crate) fn fold(at: At, event: &TemplateEvent) -> Vec<Op> {
    let At { id, position, time } = at;
    let set = |assignment: &str, value: store::Arg| {
        vec![Op::new(
            format!("UPDATE templates SET {assignment} = $2, modified_at = $3 WHERE id = $1"),
            vec![id.into(), value, time.into()],
        )]
    };
    // What rendering sees moves `changed` too.
    let render = |assignment: &str, value: String| {
        vec![Op::new(
            format!(
                "UPDATE templates SET {assignment} = $2, changed = $3, modified_at = $4 WHERE id = $1"
            ),
            args![id, value, position, time],
        )]
    };
    match event {
        TemplateEvent::Created(created) => vec![Op::new(
            "INSERT INTO templates (id, organization_id, name, backend, config, default_values, tags, is_default, is_required, notes, removed, changed, created_at, modified_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)",
            args![
                id,
                created.organization_id.map(OrganizationId::as_uuid),
                &created.name,
                created.backend.as_str(),
                json(&created.config),
                json(&created.default_values),
                tags(&created.tags),
                created.flags.is_default(),
                created.flags.is_required(),
                &created.notes,
                false,
                position,
                time
            ],
        )],
        TemplateEvent::Renamed { to, .. } => set("name", to.into()),
        TemplateEvent::ContentsChanged { config, .. } => render("config", json(config)),
        TemplateEvent::DefaultValuesChanged { default_values, .. } => {
            render("default_values", json(default_values))
        }
        TemplateEvent::TagsChanged { tags: to, .. } => set("tags", tags(to).into()),
        TemplateEvent::FlagsChanged { to, .. } => vec![Op::new(
            "UPDATE templates SET is_default = $2, is_required = $3, modified_at = $4 WHERE id = $1",
            args![id, to.is_default(), to.is_required(), time],
        )],
        TemplateEvent::NotesChanged { notes, .. } => set("notes", notes.into()),
        TemplateEvent::Moved { to, .. } => {
            set("organization_id", to.map(OrganizationId::as_uuid).into())
        }
        TemplateEvent::BackendChanged { to, .. } => render("backend", to.as_str().to_owned()),
        TemplateEvent::Removed { .. } => vec![Op::new(
            "UPDATE templates SET removed = $2, config = '{}', default_values = '{}', changed = $3, modified_at = $4 WHERE id = $1",
            args![id, true, position, time],
        )],
    }
}

fn tags(tags: &[String]) -> String {
    serde_json::Value::from(tags.to_vec()).to_string()
}
