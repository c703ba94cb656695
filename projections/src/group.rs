//! Device groups as they are read.

use chrono::{DateTime, Utc};
use domain::{
    Document, GroupId, OrganizationId, TemplateId, authority::ReadScope, device::GroupEvent,
};
use store::{Op, Query, Row, Store, StoreError, args};

use crate::{
    NamedOrder, Order, Page, Slice, Stretch, Stretched,
    conditions::{Conditions, containing},
    first,
    render_inputs::{At, document, json},
};

/// A device group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRow {
    /// The group.
    pub id: GroupId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Unique inside the organization.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Templates of its devices, in order; removed ones may still be among them.
    pub templates: Vec<TemplateId>,
    /// Configuration variables.
    pub variables: Document,
    /// Whatever operators keep with a group.
    pub meta_data: Document,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub modified_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, organization_id, name, description, templates, variables, meta_data, created_at, modified_at";
const WIDTH: usize = 9;

fn read(row: &Row) -> Result<GroupRow, StoreError> {
    Ok(GroupRow {
        id: GroupId::from_uuid(row.uuid(0)?),
        organization_id: OrganizationId::from_uuid(row.uuid(1)?),
        name: row.text(2)?,
        description: row.text(3)?,
        templates: serde_json::from_str(&row.text(4)?).unwrap_or_default(),
        variables: document(&row.text(5)?),
        meta_data: document(&row.text(6)?),
        created_at: row.time(7)?,
        modified_at: row.time(8)?,
    })
}

/// One group, if it exists.
pub async fn by_id(
    store: &Store,
    scope: &ReadScope,
    id: GroupId,
) -> Result<Option<GroupRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.with("id = ?", id.as_uuid());
    conditions.plain("NOT removed");
    conditions.reached(scope, "organization_id");
    let query = conditions.query(&format!("SELECT {COLUMNS} FROM device_groups"), "");
    first(store, query, read).await
}

/// Which groups are listed; `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    /// Of one of these organizations.
    pub organizations: Option<Vec<OrganizationId>>,
    /// With devices, or without.
    pub empty: Option<bool>,
    /// This text somewhere in name or description, whatever the case.
    pub search: Option<String>,
    /// Only these.
    pub ids: Option<Vec<GroupId>>,
    /// With this template.
    pub template: Option<TemplateId>,
}

impl GroupFilter {
    fn conditions(&self, scope: &ReadScope) -> Conditions {
        let mut conditions = Conditions::default();
        conditions.reached(scope, "organization_id");
        conditions.plain("NOT removed");
        if let Some(organizations) = &self.organizations {
            conditions.any_of("organization_id", organizations.iter().map(|id| id.as_uuid()));
        }
        match self.empty {
            Some(true) => conditions.plain(
                "NOT EXISTS (SELECT 1 FROM devices WHERE devices.group_id = device_groups.id)",
            ),
            Some(false) => conditions
                .plain("EXISTS (SELECT 1 FROM devices WHERE devices.group_id = device_groups.id)"),
            None => {}
        }
        if let Some(part) = &self.search {
            let clause = r"lower(name || ' ' || description) LIKE ? ESCAPE '\'";
            conditions.with(clause, containing(&part.to_lowercase()));
        }
        if let Some(ids) = &self.ids {
            conditions.named("id", ids.iter().map(|id| id.as_uuid()));
        }
        if let Some(template) = self.template {
            // A JSON list of ids.
            conditions.with("templates LIKE ?", format!("%{template}%"));
        }
        conditions
    }
}

/// Does a group of another organization list a template?
pub async fn others_list(
    store: &Store,
    template: TemplateId,
    organization: OrganizationId,
) -> Result<bool, StoreError> {
    let query = Query::new(
        "SELECT 1 FROM device_groups WHERE NOT removed AND organization_id <> $1 AND templates LIKE $2 LIMIT 1",
        args![organization.as_uuid(), format!("%{template}%")],
    );
    Ok(!store.fetch(query.whole()).await?.is_empty())
}

/// A page of groups.
pub async fn list(
    store: &Store,
    scope: &ReadScope,
    filter: &GroupFilter,
    order: Order,
    page: Page,
) -> Result<Slice<GroupRow>, StoreError> {
    filter.conditions(scope).page(store, (COLUMNS, "device_groups"), order, page, read).await
}

/// A stretch of the groups.
pub async fn stretch(
    store: &Store,
    scope: &ReadScope,
    filter: &GroupFilter,
    (order, descending): (NamedOrder, bool),
    stretch: Stretch,
) -> Result<Stretched<GroupRow>, StoreError> {
    let sorting = order.sorting(descending);
    filter
        .conditions(scope)
        .stretch(store, (COLUMNS, WIDTH, "device_groups"), sorting, stretch, read)
        .await
}

fn ids(templates: &[TemplateId]) -> String {
    let ids = templates.iter().map(|id| serde_json::Value::String(id.to_string())).collect();
    serde_json::Value::Array(ids).to_string()
}

pub(crate) fn fold(at: At, event: &GroupEvent) -> Vec<Op> {
    let At { id, position, time } = at;
    let set = |assignment: &str, value: store::Arg| {
        vec![Op::new(
            format!("UPDATE device_groups SET {assignment} = $2, modified_at = $3 WHERE id = $1"),
            vec![id.into(), value, time.into()],
        )]
    };
    match event {
        GroupEvent::Created(created) => vec![Op::new(
            "INSERT INTO device_groups (id, organization_id, name, description, templates, variables, meta_data, removed, changed, created_at, modified_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
            args![
                id,
                created.organization_id.as_uuid(),
                &created.name,
                &created.description,
                ids(&created.templates),
                json(&created.variables),
                json(&created.meta_data),
                false,
                position,
                time
            ],
        )],
        GroupEvent::Renamed { to, .. } => set("name", to.into()),
        GroupEvent::DescriptionChanged { description, .. } => set("description", description.into()),
        GroupEvent::VariablesChanged { variables, .. } => vec![Op::new(
            "UPDATE device_groups SET variables = $2, changed = $3, modified_at = $4 WHERE id = $1",
            args![id, json(variables), position, time],
        )],
        GroupEvent::MetaDataChanged { meta_data, .. } => set("meta_data", json(meta_data).into()),
        GroupEvent::TemplatesChanged { to, .. } => set("templates", ids(to).into()),
        GroupEvent::Removed { .. } => vec![Op::new(
            "UPDATE device_groups SET removed = $2, templates = '[]', variables = '{}', changed = $3, modified_at = $4 WHERE id = $1",
            args![id, true, position, time],
        )],
    }
}
