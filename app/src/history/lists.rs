//! Lists of the past: what there was at a moment, page by page.
//!
//! Shown is what the actor may see in the organization that had it then, and, where that is another one by now, also there.

use std::collections::HashMap;

use domain::{DeviceId, OrganizationId, Permission, Problem, TemplateId};
use projections::{Place, Stretch, Stretched};
use store::{Arg, Standing};
use uuid::Uuid;

use super::{
    History,
    at::{DeviceAt, TemplateAt},
    fold::{DevicePast, Past as _, Stream, replay},
    whole::Whole,
};
use crate::{By, Failure, Moment, devices};

/// Objects of a kind, ever, that a list of the past is picked from.
const MOST_OBJECTS: u32 = 20_000;
/// Events that one page is put together from.
pub(super) const MOST_EVENTS: usize = 20_000;

/// Which objects of the past are listed. What is left out filters nothing.
#[derive(Clone, Debug, Default)]
pub struct PastFilter {
    /// Only these.
    pub ids: Option<Vec<Uuid>>,
    /// Of one of these organizations at that time; shared ones are left out then.
    pub organizations: Option<Vec<OrganizationId>>,
    /// Shared ones only.
    pub only_shared: bool,
}

/// What a list is of.
struct Kind {
    permission: Permission,
    model: &'static str,
    aggregate_type: &'static str,
    removed: &'static str,
}

const DEVICES: Kind = Kind {
    permission: Permission::ViewDevice,
    model: devices::MODEL,
    aggregate_type: DevicePast::KIND,
    removed: "device.removed",
};
const TEMPLATES: Kind = Kind {
    permission: Permission::ViewTemplate,
    model: "Template",
    aggregate_type: TemplateAt::KIND,
    removed: "template.removed",
};

impl History<'_> {
    /// A page of the devices that there were at a moment (field `asOf`), in the order of their first registration.
    pub async fn devices_at(
        &self,
        by: &By,
        at: Moment,
        filter: &PastFilter,
        stretch: &Stretch,
    ) -> Result<Stretched<DeviceAt>, Failure> {
        let listed = self.listed(by, &DEVICES, at, filter, stretch).await?;
        let ids: Vec<DeviceId> =
            listed.rows.iter().map(|(_, id)| DeviceId::from_uuid(*id)).collect();
        let mut left = MOST_EVENTS;
        let found = Whole::read_many(self.0.store(), &ids, listed.position, &mut left).await?;
        let mut found = found.ok_or_else(|| too_much("asOf", listed.position))?.into_iter();
        Ok(filled(listed, |_| found.next().flatten().map(Whole::shown)))
    }

    /// A page of the templates that there were at a moment (field `asOf`), in the order in which they were made.
    pub async fn templates_at(
        &self,
        by: &By,
        at: Moment,
        filter: &PastFilter,
        stretch: &Stretch,
    ) -> Result<Stretched<TemplateAt>, Failure> {
        let listed = self.listed(by, &TEMPLATES, at, filter, stretch).await?;
        let ids: Vec<TemplateId> =
            listed.rows.iter().map(|(_, id)| TemplateId::from_uuid(*id)).collect();
        let streams: Vec<Stream> = ids.iter().map(|id| (TemplateAt::KIND, id.as_uuid())).collect();
        let mut found: Vec<Option<TemplateAt>> = vec![None; ids.len()];
        let mut left = MOST_EVENTS;
        let whole = replay(
            self.0.store(),
            &streams,
            &[],
            (listed.position, &mut left),
            |number, when, event| {
                if let Some(template) = found.get_mut(number) {
                    TemplateAt::apply(template, when, event);
                }
            },
        )
        .await?;
        if !whole {
            return Err(too_much("asOf", listed.position));
        }
        let mut found = found.into_iter();
        Ok(filled(listed, |_| found.next().flatten()))
    }

    /// Which objects are on the page.
    async fn listed(
        &self,
        by: &By,
        kind: &Kind,
        at: Moment,
        filter: &PastFilter,
        stretch: &Stretch,
    ) -> Result<Stretched<Uuid>, Failure> {
        by.authority
            .require_anywhere(kind.permission)
            .map_err(|denied| Failure::denied(denied, kind.model))?;
        let store = self.0.store();
        let position = at.resolve(store, "asOf").await?;
        let standing = store.standing(kind.aggregate_type, position, MOST_OBJECTS).await?;
        let standing = standing.ok_or_else(|| too_much("asOf", position))?;
        let mut seen = HashMap::new();
        let mut may = |organization: Option<Uuid>| {
            *seen.entry(organization).or_insert_with(|| {
                let organization = organization.map(OrganizationId::from_uuid);
                by.authority.require(kind.permission, organization).is_ok()
            })
        };
        let shown = |it: &Standing| {
            it.event_type != kind.removed
                && filter.passes(it)
                && may(it.organization_id)
                && may(it.newest_organization_id)
        };
        let rows: Vec<(i64, Uuid)> = standing
            .into_iter()
            .filter(shown)
            .filter_map(|it| Some((it.first, Uuid::parse_str(&it.aggregate_id).ok()?)))
            .filter(|(_, id)| filter.ids.as_ref().is_none_or(|ids| ids.contains(id)))
            .collect();
        Ok(cut(rows, stretch, position))
    }
}

impl PastFilter {
    fn passes(&self, it: &Standing) -> bool {
        let organization = it.organization_id.map(OrganizationId::from_uuid);
        let wanted = self.organizations.as_ref();
        (!self.only_shared || organization.is_none())
            && wanted.is_none_or(|ids| organization.is_some_and(|id| ids.contains(&id)))
    }
}

/// The part of a list that was asked for.
pub(super) fn cut(rows: Vec<(i64, Uuid)>, stretch: &Stretch, position: i64) -> Stretched<Uuid> {
    let count = rows.len() as u64;
    let place = |place: &Place| match place.value {
        Arg::Int(Some(first)) => Some((first, place.id)),
        _ => None,
    };
    let after = stretch.after.as_ref().and_then(place);
    let before = stretch.before.as_ref().and_then(place);
    let mut rows: Vec<(i64, Uuid)> = rows
        .into_iter()
        .filter(|row| {
            after.is_none_or(|after| *row > after) && before.is_none_or(|before| *row < before)
        })
        .collect();
    let limit = stretch.limit as usize;
    let more = rows.len() > limit;
    if stretch.from_end {
        drop(rows.drain(..rows.len().saturating_sub(limit)));
    } else {
        rows.truncate(limit);
    }
    let rows = rows.into_iter().map(|(first, id)| (Place { value: first.into(), id }, id));
    Stretched { rows: rows.collect(), more, count, position }
}

/// The same list with what was found about its rows.
fn filled<T>(listed: Stretched<Uuid>, mut found: impl FnMut(Uuid) -> Option<T>) -> Stretched<T> {
    let Stretched { rows, more, count, position } = listed;
    let rows = rows.into_iter().filter_map(|(place, id)| Some((place, found(id)?))).collect();
    Stretched { rows, more, count, position }
}

/// What would take too long beside everything else that is asked of a server.
pub(super) fn too_much(field: &'static str, position: i64) -> Failure {
    let sentence = format!(
        "is too much to be put together from events: look at an installation of that time, which `wisptrail replay --until {position} --into DIR` builds"
    );
    Failure::field(field, Problem::Rule(sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(from_end: bool) -> Vec<Vec<i64>> {
        let rows: Vec<(i64, Uuid)> =
            (1_i64..8).map(|n| (n / 2, Uuid::from_u128(n.unsigned_abs().into()))).collect();
        let mut stretch = Stretch { limit: 3, after: None, before: None, from_end };
        let mut pages = Vec::new();
        loop {
            let page = cut(rows.clone(), &stretch, 9);
            assert_eq!((page.count, page.position), (7, 9));
            pages.push(
                page.rows
                    .iter()
                    .map(|(place, _)| i64::try_from(place.id.as_u128()).unwrap())
                    .collect(),
            );
            let end = if from_end { page.rows.first() } else { page.rows.last() };
            let end = end.map(|(place, _)| place.clone());
            if !page.more {
                return pages;
            }
            if from_end { stretch.before = end } else { stretch.after = end }
        }
    }

    #[test]
    fn pages_follow_each_other_in_both_directions() {
        assert_eq!(pages(false), [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
        assert_eq!(pages(true), [vec![5, 6, 7], vec![2, 3, 4], vec![1]]);
    }
}
