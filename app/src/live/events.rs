//! Events as they happen, for those who may see them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::{Authority, OrganizationId, Permission, event_types};
use store::{EventFilter, Recorded};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Confidential, Ended, Listener, LiveEvent, refused,
    scan::{Scan, Wanted},
    told::told,
};
use crate::Failure;

/// Events of a page.
const MOST_EVENTS: usize = 100;
/// Bytes of payloads after which a page is full.
const MOST_BYTES: usize = 256 << 10;
/// The position is told at least so often while it moves.
const QUIET: Duration = Duration::from_secs(10);
/// And after so many events that are not told.
const QUIET_EVENTS: i64 = 10_000;
/// Values of a list in a selection.
const MOST_VALUES: usize = 100;
/// Questions of the past for a page that nobody waits for: the rest is for the next one.
const QUESTIONS: usize = 10;

/// Which events are told; what is left out or empty selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventsSelection {
    /// Kinds of streams, such as `device`.
    pub aggregate_types: Vec<String>,
    /// Streams with this id; a device and its configuration have the same.
    pub aggregate_id: Option<Uuid>,
    /// Such as `device.renamed`.
    pub types: Vec<String>,
    /// Of these organizations; those that the listener may not see have no events.
    pub organizations: Option<Vec<OrganizationId>>,
}

impl EventsSelection {
    /// As the store filters for somebody who may see everything.
    pub(crate) fn filter(self) -> Result<EventFilter, Failure> {
        Ok(self.resolve(&Authority::system("relays"))?.filter)
    }

    /// As the store filters.
    pub(super) fn resolve(self, authority: &Authority) -> Result<Wanted, Failure> {
        let known = event_types();
        for (field, length) in [
            ("filter.aggregate_types", self.aggregate_types.len()),
            ("filter.types", self.types.len()),
            ("filter.organization_ids", self.organizations.as_ref().map_or(0, Vec::len)),
        ] {
            if length > MOST_VALUES {
                return Err(refused(field, format!("must have at most {MOST_VALUES} values")));
            }
        }
        for aggregate in &self.aggregate_types {
            if !known.iter().any(|(known, _)| known == aggregate) {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                let rule = format!("`{aggregate}` is none of {}", names.join(", "));
                return Err(refused("filter.aggregate_types", rule));
            }
        }
        for event_type in &self.types {
            if !known.iter().any(|(_, types)| types.contains(&event_type.as_str())) {
                let rule = format!("`{event_type}` is no type of events");
                return Err(refused("filter.types", rule));
            }
        }
        let aggregates = &self.aggregate_types;
        let mut types: BTreeSet<String> = self.types.into_iter().collect();
        let mut impossible = false;
        if !aggregates.is_empty() {
            let of_aggregates = known
                .iter()
                .filter(|(name, _)| aggregates.iter().any(|wanted| wanted == name))
                .flat_map(|(_, types)| types.iter().map(|name| (*name).to_owned()));
            let of_aggregates: BTreeSet<String> = of_aggregates.collect();
            types = if types.is_empty() { of_aggregates } else { &types & &of_aggregates };
            impossible = types.is_empty();
        }
        let mut visible = authority.visible();
        if let Some(wanted) = self.organizations {
            visible = Some(match visible {
                None => wanted,
                Some(visible) => wanted.into_iter().filter(|id| visible.contains(id)).collect(),
            });
        }
        if impossible {
            visible = Some(Vec::new());
        }
        let organizations =
            visible.map(|visible| visible.into_iter().map(OrganizationId::as_uuid).collect());
        Ok(Wanted {
            filter: EventFilter {
                aggregate_id: self.aggregate_id.map(|id| id.to_string()),
                event_types: types.into_iter().collect(),
                organizations,
                ..EventFilter::default()
            },
            account: None,
        })
    }
}

/// What happened since the page before.
#[derive(Clone, Debug, PartialEq)]
pub struct EventsPage {
    /// In the order of the log; may be none, when others happened.
    pub events: Vec<LiveEvent>,
    /// Everything up to here was told or is not selected: where to go on later.
    pub position: i64,
    /// Was that all there was?
    pub caught_up: bool,
}

/// Somebody who hears events.
#[derive(Debug)]
pub struct EventsLive {
    listener: Listener,
    scan: Scan,
    confidential: Confidential,
    /// Taken and not told yet: what telling waits for may be given up.
    held: Vec<Arc<Recorded>>,
    /// Position and time of the last page; none before the first.
    last: Option<(i64, Instant)>,
}

impl EventsLive {
    pub(super) fn new(listener: Listener, scan: Scan, confidential: Confidential) -> Self {
        Self { listener, scan, confidential, held: Vec::new(), last: None }
    }

    /// The next page; the first one comes at once and may be empty: it says from where. Later ones wait for events, or
    /// tell about every ten seconds how far everything else has come. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<EventsPage, Ended> {
        loop {
            self.listener.check().await?;
            self.take(MOST_EVENTS).await?;
            if !self.held.is_empty() || self.is_due() {
                return self.tell().await;
            }
            let last = self.last.map_or_else(Instant::now, |(_, at)| at);
            // Timers of a reader that waits for nothing cost nothing: at the end of each the position may have moved.
            let wait = QUIET.saturating_sub(last.elapsed()).max(Duration::from_millis(100));
            if let Ok(read) = tokio::time::timeout(wait, self.scan.read()).await {
                read?;
            } else if self.last.is_some_and(|(position, _)| position == self.scan.position()) {
                // Nothing happened at all: the next ten seconds begin.
                self.last = Some((self.scan.position(), Instant::now()));
            }
        }
    }

    /// The events that there are, at most so many, without waiting for others. There may be fewer, or none, and more of them
    /// behind the page: it says so.
    pub async fn page(&mut self, most: usize) -> Result<EventsPage, Ended> {
        for _ in 0..QUESTIONS {
            self.listener.check().await?;
            self.take(most).await?;
            if self.is_full(most) || !self.scan.is_behind() {
                break;
            }
            self.scan.read().await?;
        }
        self.take(most).await?;
        self.tell().await
    }

    /// What was taken, as a page.
    async fn tell(&mut self) -> Result<EventsPage, Ended> {
        let events = told(&self.listener, &self.held, self.confidential).await?;
        self.held.clear();
        let position = self.scan.position();
        self.last = Some((position, Instant::now()));
        Ok(EventsPage { events, position, caught_up: self.scan.caught_up() })
    }

    /// Is it time to say how far everything has come?
    fn is_due(&self) -> bool {
        let Some((position, at)) = self.last else { return true };
        let moved = self.scan.position() - position;
        moved >= QUIET_EVENTS || (moved > 0 && at.elapsed() >= QUIET)
    }

    fn is_full(&self, most: usize) -> bool {
        let bytes: usize = self.held.iter().map(|event| event.payload.len()).sum();
        self.held.len() >= most || bytes >= MOST_BYTES
    }

    /// Takes what was read already, as far as it is for the listener and a page has room for it.
    async fn take(&mut self, most: usize) -> Result<(), Ended> {
        while !self.is_full(most) {
            let Some(next) = self.scan.peek() else { break };
            // What was before it is still told.
            if self.scan.wanted().is_account(next) {
                if !self.held.is_empty() {
                    break;
                }
                self.listener.check_now().await?;
            }
            let Some(event) = self.scan.take() else { break };
            let visible = is_visible(&self.listener.by().authority, &event);
            if visible && self.scan.wanted().takes(&event) {
                self.held.push(event);
            }
        }
        Ok(())
    }
}

/// May somebody see this event? What belongs to no organization is for superusers.
fn is_visible(authority: &Authority, event: &Recorded) -> bool {
    if authority.is_unlimited() {
        return true;
    }
    let Some(organization) = event.organization_id.map(OrganizationId::from_uuid) else {
        return false;
    };
    let permission = match event.aggregate_type.as_str() {
        "device" | "configuration" => Permission::ViewDevice,
        "device_group" => Permission::ViewGroup,
        "template" => Permission::ViewTemplate,
        "organization" => Permission::ViewOrganization,
        "secret" => Permission::ViewLog,
        "webhook" => Permission::ViewWebhook,
        _ => return false,
    };
    authority.require(permission, Some(organization)).is_ok()
}

#[cfg(test)]
mod tests {
    use domain::{
        Actor, UserId,
        authority::{Role, Scope},
    };

    use super::*;

    fn organization(number: u128) -> OrganizationId {
        OrganizationId::from_uuid(Uuid::from_u128(number))
    }

    fn manager() -> Authority {
        Authority {
            actor: Actor::User(UserId::from_uuid(Uuid::from_u128(9))),
            scope: Scope::Member {
                permissions: Role::Operator.permissions(),
                manages: vec![organization(1)],
                owns: vec![],
                belongs: vec![organization(1), organization(2)],
            },
        }
    }

    fn filter(selection: EventsSelection, authority: &Authority) -> EventFilter {
        selection.resolve(authority).expect("a selection").filter
    }

    #[test]
    fn a_selection_reaches_as_far_as_the_listener() {
        let everything = EventsSelection::default();
        assert_eq!(filter(everything.clone(), &Authority::system("x")), EventFilter::default());
        let own = Some(vec![organization(1).as_uuid()]);
        assert_eq!(filter(everything, &manager()).organizations, own);
        let asked = vec![organization(1), organization(2), organization(3)];
        let selection =
            EventsSelection { organizations: Some(asked), ..EventsSelection::default() };
        assert_eq!(filter(selection, &manager()).organizations, own);
    }

    #[test]
    fn aggregates_stand_for_their_types() {
        let aggregates = |aggregates: &[&str], types: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let selection = EventsSelection {
                aggregate_types: owned(aggregates),
                types: owned(types),
                ..EventsSelection::default()
            };
            selection.resolve(&Authority::system("x")).map(|wanted| wanted.filter)
        };
        let devices = aggregates(&["device", "template"], &[]).expect("known");
        assert!(devices.event_types.iter().any(|name| name == "device.renamed"));
        assert!(devices.event_types.iter().any(|name| name == "template.renamed"));
        assert!(!devices.event_types.iter().any(|name| name == "user.created"));
        let both = aggregates(&["device"], &["device.renamed", "user.created"]).expect("known");
        assert_eq!(both.event_types, ["device.renamed"]);
        let nothing = aggregates(&["device"], &["user.created"]).expect("known");
        assert_eq!(nothing.organizations, Some(Vec::new()));
        for (names, types) in [(&["ship"][..], &[][..]), (&[], &["ship.sunk"])] {
            assert!(matches!(aggregates(names, types), Err(Failure::Invalid(_))));
        }
    }
}
