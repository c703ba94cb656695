//! Those who listen: what is told to them, and when they have to stop.

use std::time::Duration;

use app::{
    Confidential, DeviceChange, Ended, EventsLive, EventsPage, EventsSelection, Listener,
    LiveEvent, NewMembership, UserChange,
};
use domain::{OrganizationId, UserId, authority::Role};
use serde_json::json;
use store::{Append, Context, Expected, NewEvent, Part, Retention};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, World, on_each_database},
};

/// Nothing takes longer.
const BOUND: Duration = Duration::from_secs(30);
/// Of the account that is made first.
const TOKEN: &str = "token-of-account-number-0000000000000001";

async fn listener(world: &World) -> Outcome<Listener> {
    account(world, 1, &[Role::Operator], &[(HARBOUR, true)]).await?;
    Ok(world.app.live().listener(TOKEN, None).await?)
}

async fn next(live: &mut EventsLive) -> Outcome<Result<EventsPage, Ended>> {
    Ok(timeout(BOUND, live.next()).await?)
}

/// Everything up to a position.
async fn up_to(live: &mut EventsLive, position: i64) -> Outcome<Vec<LiveEvent>> {
    let mut events = Vec::new();
    loop {
        let page = next(live).await??;
        events.extend(page.events);
        if page.position >= position {
            return Ok(events);
        }
    }
}

/// Writes events of one stream, whatever its rules say; answers with the position of the last one.
async fn write(
    world: &World,
    (aggregate, id): (&str, Uuid),
    organization: Option<OrganizationId>,
    events: impl IntoIterator<Item = (&'static str, serde_json::Value)>,
) -> Outcome<i64> {
    let event = |(event_type, payload): (&str, serde_json::Value)| NewEvent {
        event_id: world.app.new_id(),
        event_type: event_type.to_owned(),
        event_version: "1".to_owned(),
        organization_id: organization.map(OrganizationId::as_uuid),
        retention: Retention::FOREVER,
        payload: payload.to_string(),
    };
    let append = Append {
        context: Context {
            actor: "system:story".to_owned(),
            metadata: "{}".to_owned(),
            ..Context::default()
        },
        parts: vec![Part {
            aggregate_type: aggregate.to_owned(),
            aggregate_id: id.to_string(),
            expected: Expected::Any,
            events: events.into_iter().map(event).collect(),
        }],
        limits: Vec::new(),
        idempotency: None,
    };
    Ok(world.app.store().append(append).await?.last)
}

#[test]
fn an_account_whose_rights_change_has_to_begin_again() -> Outcome {
    on_each_database(async |world| {
        let listener = listener(world).await?;
        let place = NewMembership { organization_id: HILLS, manager: true };
        let promoted = UserChange { membership: Some(place), ..UserChange::default() };
        let account = UserId::from_uuid(Uuid::from_u128(101));
        world.app.accounts().change(&World::by(), account, promoted).await?;
        // Rights are looked at when the log moves on.
        world.register(HILLS, 1).await?;
        let ended = timeout(BOUND, listener.ended()).await?;
        assert!(matches!(ended, Ended::Rights), "{ended:?}");

        // Who loses some has to log in again.
        let listener = world.app.live().listener(TOKEN, None).await?;
        let dismissed = UserChange { groups: Some(vec![]), ..UserChange::default() };
        world.app.accounts().change(&World::by(), account, dismissed).await?;
        let ended = timeout(BOUND, listener.ended()).await?;
        assert!(matches!(ended, Ended::Token), "{ended:?}");
        Ok(())
    })
}

#[test]
fn an_account_that_is_disabled_hears_nothing_of_what_comes_after() -> Outcome {
    on_each_database(async |world| {
        let listener = listener(world).await?;
        let mut everything = world
            .app
            .live()
            .events(&listener, EventsSelection::default(), None, Confidential::default())
            .await?;
        let first = next(&mut everything).await??;
        assert!(first.events.is_empty() && first.caught_up, "{first:?}");
        let seen = world.register(HARBOUR, 1).await?.device_id;
        let before = world.app.store().head();
        let account = UserId::from_uuid(Uuid::from_u128(101));
        let disabled = json!({ "disabled": { "user_id": account } });
        let ended =
            write(world, ("user", account.as_uuid()), None, [("user.disabled", disabled)]).await?;
        let unseen = world.register(HARBOUR, 2).await?.device_id;

        let mut events = Vec::new();
        let reason = loop {
            match next(&mut everything).await? {
                Ok(page) => events.extend(page.events),
                Err(reason) => break reason,
            }
        };
        assert!(matches!(reason, Ended::Token), "{reason:?}");
        assert!(events.iter().all(|event| event.position < ended), "{before} {ended}");
        let ids: Vec<&str> = events.iter().map(|event| event.aggregate_id.as_str()).collect();
        assert!(ids.contains(&seen.to_string().as_str()));
        assert!(!ids.contains(&unseen.to_string().as_str()));

        // Who has heard nothing at all has to stop as well, and nobody begins with that token.
        let reason = timeout(BOUND, listener.ended()).await?;
        assert!(matches!(reason, Ended::Token), "{reason:?}");
        assert!(world.app.live().listener(TOKEN, None).await.is_err());
        let enabled = json!({ "enabled": { "user_id": account } });
        write(world, ("user", account.as_uuid()), None, [("user.enabled", enabled)]).await?;
        world.app.live().listener(TOKEN, None).await?;
        Ok(())
    })
}

#[test]
fn a_token_that_is_revoked_ends_what_it_began() -> Outcome {
    on_each_database(async |world| {
        let listener = listener(world).await?;
        let account = UserId::from_uuid(Uuid::from_u128(101));
        let stream = world.app.store().stream("user", &account.to_string(), 0).await?;
        let issued = stream.iter().find(|event| event.event_type == "user.token_issued");
        let issued: serde_json::Value =
            serde_json::from_str(&issued.ok_or("a token was issued")?.payload)?;
        let token = &issued["token_issued"]["token"];
        let revoked = json!({ "token_revoked": { "user_id": account, "token": token } });
        write(world, ("user", account.as_uuid()), None, [("user.token_revoked", revoked)]).await?;
        let reason = timeout(BOUND, listener.ended()).await?;
        assert!(matches!(reason, Ended::Token), "{reason:?}");
        Ok(())
    })
}

#[test]
fn a_narrow_selection_reads_a_long_past_to_its_end() -> Outcome {
    const MANY: usize = 2_500;
    on_each_database(async |world| {
        let listener = listener(world).await?;
        let busy = world.register(HARBOUR, 1).await?.device_id;
        let quiet = world.register(HARBOUR, 2).await?.device_id;
        let foreign = world.register(HILLS, 3).await?.device_id;
        for batch in 0..MANY / 250 {
            let notes = (0..250).map(|number| {
                let notes = format!("{batch} {number}");
                let changed = json!({ "organization_id": HARBOUR, "notes": notes });
                ("device.notes_changed", json!({ "notes_changed": changed }))
            });
            write(world, ("device", busy.as_uuid()), Some(HARBOUR), notes).await?;
        }
        let rename =
            |name: &str| DeviceChange { name: Some(name.to_owned()), ..DeviceChange::default() };
        for (device, name) in [(quiet, "ap-late"), (foreign, "ap-foreign")] {
            world.app.devices().change(&World::by(), device, rename(name)).await?;
        }
        let head = world.app.store().head();
        let live = world.app.live();

        let notes = EventsSelection {
            types: vec!["device.notes_changed".to_owned()],
            ..EventsSelection::default()
        };
        let told = up_to(
            &mut live.events(&listener, notes, Some(0), Confidential::default()).await?,
            head,
        )
        .await?;
        assert_eq!(told.len(), MANY);
        assert!(told.is_sorted_by(|one, other| one.position < other.position));

        let own = EventsSelection {
            aggregate_id: Some(quiet.as_uuid()),
            aggregate_types: vec!["device".to_owned()],
            ..EventsSelection::default()
        };
        let mut hears = live.events(&listener, own, Some(0), Confidential::default()).await?;
        let told = up_to(&mut hears, head).await?;
        let types: Vec<&str> = told.iter().map(|event| event.event_type.as_str()).collect();
        assert_eq!(types.first(), Some(&"device.registered"));
        assert_eq!(types.last(), Some(&"device.renamed"));
        // And goes on with the present.
        world.app.devices().change(&World::by(), quiet, rename("ap-later")).await?;
        let page = loop {
            let page = next(&mut hears).await??;
            if !page.events.is_empty() {
                break page;
            }
        };
        assert_eq!(page.events[0].event_type, "device.renamed");

        let hills =
            EventsSelection { organizations: Some(vec![HILLS]), ..EventsSelection::default() };
        let told = up_to(
            &mut live.events(&listener, hills, Some(0), Confidential::default()).await?,
            head,
        )
        .await?;
        assert!(told.is_empty(), "{told:?}");
        Ok(())
    })
}
