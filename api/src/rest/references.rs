//! References to other objects: what the caller may not see does not exist.

use app::App;
use domain::{GroupId, OrganizationId, TemplateId};
use projections::template::TemplateRow;
use uuid::Uuid;

use super::{
    caller::Caller,
    failure::RestError,
    fields::Fields,
    filters::Filters,
    sentences::{self, NO_CHOICE},
};

/// Is there such an organization, for this caller?
pub(super) async fn organization(app: &App, caller: &Caller, id: Uuid) -> Result<bool, RestError> {
    let id = OrganizationId::from_uuid(id);
    let reach = caller.by.authority.reach();
    if let Some(visible) = reach.organizations() {
        return Ok(visible.contains(&id));
    }
    Ok(projections::organization::by_id(app.store(), &reach, id).await?.is_some())
}

/// Is there such a group, for this caller?
pub(super) async fn group(app: &App, caller: &Caller, id: Uuid) -> Result<bool, RestError> {
    let reach = caller.by.authority.reach();
    Ok(projections::group::by_id(app.store(), &reach, GroupId::from_uuid(id)).await?.is_some())
}

/// The templates among these that there are for this caller, in no particular order.
pub(super) async fn templates(
    app: &App,
    caller: &Caller,
    ids: &[TemplateId],
) -> Result<Vec<TemplateRow>, RestError> {
    Ok(projections::template::by_ids(app.store(), &caller.by.authority.reach(), ids).await?)
}

/// Refuses a field that names an organization which does not exist for the caller.
pub(super) async fn check_organization(
    fields: &mut Fields<'_>,
    app: &App,
    caller: &Caller,
    id: Option<Uuid>,
) -> Result<(), RestError> {
    if let Some(id) = id
        && !organization(app, caller, id).await?
    {
        fields.refuse("organization", sentences::unknown(id));
    }
    Ok(())
}

/// Refuses a field that names a group which does not exist for the caller.
pub(super) async fn check_group(
    fields: &mut Fields<'_>,
    app: &App,
    caller: &Caller,
    id: Option<Uuid>,
) -> Result<(), RestError> {
    if let Some(id) = id
        && !group(app, caller, id).await?
    {
        fields.refuse("group", sentences::unknown(id));
    }
    Ok(())
}

/// Refuses the first template of a field that does not exist for the caller, or that `fits` does not want.
pub(super) async fn check_templates(
    fields: &mut Fields<'_>,
    app: &App,
    caller: &Caller,
    (name, ids): (&str, &[TemplateId]),
    fits: impl Fn(&TemplateRow) -> bool,
) -> Result<(), RestError> {
    let rows = templates(app, caller, ids).await?;
    let known = |id: &TemplateId| rows.iter().any(|row| row.id == *id && fits(row));
    if let Some(id) = ids.iter().find(|id| !known(id)) {
        fields.refuse(name, sentences::unknown(id));
    }
    Ok(())
}

/// An organization that a list is narrowed to.
pub(super) struct Owner {
    id: Option<Uuid>,
    slug: Option<String>,
}

impl Owner {
    pub(super) fn read(filters: &mut Filters<'_>) -> Self {
        let id = filters.id("organization");
        Self { id, slug: filters.text("organization_slug").map(str::to_owned) }
    }
}

/// The organizations that a list is narrowed to; none given, all.
pub(super) async fn organizations(
    filters: &mut Filters<'_>,
    owner: &Owner,
    app: &App,
    caller: &Caller,
) -> Result<Option<Vec<OrganizationId>>, RestError> {
    let mut wanted = None;
    if let Some(id) = owner.id {
        if organization(app, caller, id).await? {
            wanted = Some(vec![OrganizationId::from_uuid(id)]);
        } else {
            filters.errors.add("organization", NO_CHOICE);
        }
    }
    if let Some(slug) = &owner.slug {
        let found = projections::organization::by_slug(app.store(), slug).await?;
        let found: Vec<OrganizationId> = found.into_iter().map(|row| row.id).collect();
        wanted = Some(match wanted {
            None => found,
            Some(ids) => ids.into_iter().filter(|id| found.contains(id)).collect(),
        });
    }
    Ok(wanted)
}
