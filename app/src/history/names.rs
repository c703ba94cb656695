//! What templates, groups and organizations were called when something happened.

use std::collections::{HashMap, HashSet};

use domain::{
    Authority, Event, GroupId, OrganizationId, TemplateId,
    accounts::{OrganizationEvent, PermissionGroupEvent},
    configuration::TemplateEvent,
    device::{DeviceEvent, GroupEvent},
    webhook::WebhookEvent,
};
use store::Store;
use uuid::Uuid;

use super::fold::{Stream, replay};
use crate::Failure;

/// Objects that are named at once; further ones stay without a name.
const MOST: usize = 200;
/// Names on one list; further ones are counted.
const LISTED: usize = 10;

/// Names by object, each from a position on.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<Uuid, Known>,
    /// None sees all.
    visible: Option<Vec<OrganizationId>>,
}

#[derive(Debug, Default)]
struct Known {
    owner: Option<OrganizationId>,
    names: Vec<(i64, String)>,
}

impl Names {
    /// The names of all that the events mention, and of some more, as far as the actor may see those.
    pub(super) async fn of<'a>(
        store: &Store,
        authority: &Authority,
        events: impl Iterator<Item = &'a Event>,
        more: &[Stream],
        up_to: i64,
    ) -> Result<Self, Failure> {
        let mut seen = HashSet::new();
        let streams: Vec<Stream> = more
            .iter()
            .copied()
            .chain(events.flat_map(mentioned))
            .filter(|stream| seen.insert(*stream))
            .take(MOST)
            .collect();
        let mut names = Self { known: HashMap::new(), visible: authority.visible() };
        let mut left = usize::MAX;
        replay(store, &streams, NAMING, (up_to, &mut left), |number, when, event| {
            let Some((_, id)) = streams.get(number) else { return };
            let known = names.known.entry(*id).or_default();
            let (owner, name): (_, &str) = match event {
                Event::Device(DeviceEvent::Registered(device)) => {
                    (Some(device.organization_id), device.name.as_str())
                }
                Event::Device(DeviceEvent::Renamed { organization_id, to, .. }) => {
                    (Some(*organization_id), to.as_str())
                }
                Event::Template(TemplateEvent::Created(created)) => {
                    (created.organization_id, &created.name)
                }
                Event::Template(TemplateEvent::Renamed { organization_id, to, .. })
                | Event::Webhook(WebhookEvent::Renamed { organization_id, to, .. }) => {
                    (*organization_id, to)
                }
                Event::Group(GroupEvent::Created(created)) => {
                    (Some(created.organization_id), &created.name)
                }
                Event::Template(TemplateEvent::Moved { to, name, .. }) => (*to, name),
                Event::Group(GroupEvent::Renamed { organization_id, to, .. })
                | Event::Organization(OrganizationEvent::Renamed { organization_id, to, .. }) => {
                    (Some(*organization_id), to)
                }
                Event::PermissionGroup(PermissionGroupEvent::Created(created)) => {
                    (None, &created.name)
                }
                Event::PermissionGroup(PermissionGroupEvent::Renamed { to, .. }) => (None, to),
                Event::Webhook(WebhookEvent::Created(created)) => {
                    (created.organization_id, &created.name)
                }
                Event::Organization(OrganizationEvent::Created(created)) => {
                    (Some(created.organization_id), &created.name)
                }
                _ => return,
            };
            known.owner = owner;
            known.names.push((when.position, name.to_owned()));
        })
        .await?;
        Ok(names)
    }

    /// What an object that an event happened to was called then.
    pub(super) fn of_object(&self, id: Uuid, at: i64) -> Option<String> {
        self.name(id, at).map(str::to_owned)
    }

    pub(super) fn template(&self, id: TemplateId, at: i64) -> String {
        self.name(id.as_uuid(), at).map_or_else(|| format!("template {id}"), quoted)
    }

    pub(super) fn group(&self, id: GroupId, at: i64) -> String {
        self.name(id.as_uuid(), at).map_or_else(|| format!("group {id}"), quoted)
    }

    /// One that the actor may not see keeps its name.
    pub(super) fn organization(&self, id: OrganizationId, at: i64) -> String {
        match self.name(id.as_uuid(), at) {
            Some(name) => format!("organization {}", quoted(name)),
            None => "another organization".to_owned(),
        }
    }

    /// Several templates, in their order.
    pub(super) fn templates(&self, ids: &[TemplateId], at: i64) -> String {
        let named: Vec<String> = ids.iter().take(LISTED).map(|id| self.template(*id, at)).collect();
        match ids.len().saturating_sub(LISTED) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }

    fn name(&self, id: Uuid, at: i64) -> Option<&str> {
        let known = self.known.get(&id)?;
        let hidden = match (&self.visible, known.owner) {
            (Some(visible), Some(owner)) => !visible.contains(&owner),
            _ => false,
        };
        if hidden {
            return None;
        }
        let named = known.names.iter().rev().find(|(position, _)| *position <= at);
        named.map(|(_, name)| name.as_str())
    }
}

/// Events that give names.
const NAMING: &[&str] = &[
    "device.registered",
    "device.renamed",
    "device_group.created",
    "device_group.renamed",
    "organization.created",
    "organization.renamed",
    "permission_group.created",
    "permission_group.renamed",
    "template.created",
    "template.moved",
    "template.renamed",
    "webhook.created",
    "webhook.renamed",
];

pub(super) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The streams that an event's sentence needs a name of.
fn mentioned(event: &Event) -> Vec<Stream> {
    use domain::{configuration::ConfigurationEvent as C, device::DeviceEvent as D};
    let templates = |ids: &[TemplateId]| -> Vec<Stream> {
        ids.iter().map(|id| ("template", id.as_uuid())).collect()
    };
    let groups = |ids: [Option<GroupId>; 2]| -> Vec<Stream> {
        ids.into_iter().flatten().map(|id| ("device_group", id.as_uuid())).collect()
    };
    let organization = |id: OrganizationId| vec![("organization", id.as_uuid())];
    match event {
        Event::Device(D::Registered(device)) => groups([device.group_id, None]),
        Event::Device(D::GroupChanged { from, to, .. }) => groups([*from, *to]),
        Event::Device(D::Moved(moved)) => organization(moved.from),
        Event::Configuration(C::Created(created)) => templates(&created.templates),
        Event::Configuration(C::TemplatesChanged { from, to, .. }) => {
            let changed: Vec<TemplateId> = from
                .iter()
                .filter(|id| !to.contains(id))
                .chain(to.iter().filter(|id| !from.contains(id)))
                .copied()
                .collect();
            templates(&changed)
        }
        Event::Configuration(
            C::Activated { templates: to, .. } | C::DeactivationStarted { templates: to, .. },
        ) => templates(to),
        Event::Configuration(C::Moved { from, templates: to, .. }) => {
            [organization(*from), templates(to)].concat()
        }
        Event::Group(GroupEvent::Created(created)) => templates(&created.templates),
        Event::Group(GroupEvent::TemplatesChanged { from, to, .. }) => {
            [templates(from), templates(to)].concat()
        }
        _ => Vec::new(),
    }
}
