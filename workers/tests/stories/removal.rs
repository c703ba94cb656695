//! The end of an organization.

use std::time::Duration;

use app::{
    Failure, HistoryPage, NewGroup, NewMembership, NewOrganization, NewUser, NewWebhook, ObjectRef,
    OrganizationContents,
};
use domain::{
    Document, GroupId, OrganizationId, Permission, Permissions, UserId, WebhookId,
    accounts::{DeviceLimit, OrganizationDetails},
    authority::Role,
    webhook::WebhookSelection,
};
use projections::{
    Order, Page, RemovalOrder, device::DeviceFilter, group::GroupFilter, template::TemplateFilter,
};
use store::EventFilter;
use uuid::Uuid;

use crate::{
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, PEER, World, on_each_database, secret},
};

const ALL: Page = Page { limit: 100, offset: 0 };

#[test]
fn everything_goes_and_nothing_else_does() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        let device = furnished(world).await?;
        let kept = world.register(HILLS, 9).await?.device_id;
        let shared = world.template(12, None, "shared\n", (false, false)).await?;

        let hook = NewWebhook {
            id: WebhookId::from_uuid(Uuid::from_u128(40)),
            organization_id: Some(HARBOUR),
            name: "tickets".to_owned(),
            url: "https://hooks.example.org/".to_owned(),
            selection: WebhookSelection::default(),
            secret: None,
        };
        app.webhooks().create(&by, hook).await?;

        let expected = OrganizationContents {
            devices: 3,
            templates: 1,
            device_groups: 1,
            memberships: 2,
            webhooks: 1,
        };
        assert_eq!(app.organizations().contents(&by, HARBOUR).await?, expected);
        app.organizations().remove(&by, HARBOUR).await?;

        // Gone at once, before any worker has looked.
        let gone = app.organizations().get(&by, HARBOUR).await;
        assert!(matches!(gone, Err(Failure::NotFound("Organization"))), "{gone:?}");
        let again = app.organizations().remove(&by, HARBOUR).await;
        assert!(matches!(again, Err(Failure::NotFound("Organization"))), "{again:?}");
        assert!(world.register(HARBOUR, 4).await.is_err(), "the secret is nobody's");
        let key = format!("key-of-device-1-of-{}", HARBOUR.as_uuid().as_u128());
        assert!(app.agents().check(device, Some(&key), PEER).await.is_err(), "agents are unknown");
        let token = "token-of-account-number-0000000000000001";
        let manager = app.accounts().authenticate(token).await?;
        assert_eq!(manager.visible(), Some(vec![HILLS]));
        // Its slug and its secret may be another's.
        app.organizations().create(&by, organization(7, "harbour", HARBOUR)).await?;

        world.settle().await?;
        assert_eq!(left(world).await?, (vec![kept], vec![shared], 0));
        let account = app.accounts().get(&by, user(1)).await?;
        assert_eq!(account.memberships.len(), 1, "an account stays, its place goes");
        assert!(app.accounts().get(&by, user(2)).await?.memberships.is_empty());

        let removed = |types: &'static str| happened(world, types);
        assert_eq!(removed("device.removed").await?, 3, "its history stays");
        assert_eq!(removed("webhook.removed").await?, 1);
        assert_eq!(removed("organization.removed").await?, 0, "requests may still be on their way");
        world.pass(Duration::from_mins(2));
        world.settle().await?;
        assert_eq!(removed("organization.removed").await?, 1);
        let other = OrganizationId::from_uuid(Uuid::from_u128(70));
        let made = app.organizations().create(&by, organization(1, "new", other)).await;
        assert!(made.is_err(), "an id is of one thing for ever");
        let page = HistoryPage { limit: 10, before: None, after: None };
        let history = app.history().of(&by, ObjectRef::Device(device), page).await?;
        assert!(!history.entries.is_empty());
        Ok(())
    })
}

#[test]
fn a_removal_goes_on_where_it_was_interrupted() -> Outcome {
    on_each_database(async |world| {
        let (app, by) = (&world.app, World::by());
        furnished(world).await?;
        let started = app.organizations().remove(&by, HARBOUR).await?;
        let order =
            RemovalOrder { position: started.position, organization_id: HARBOUR, last: false };
        // A worker that dies after one object, and two at once.
        let step = app.organizations().removal_step(&order, 1).await?;
        assert!(step.removed == 1 && !step.complete, "{step:?}");
        let organizations = app.organizations();
        let (one, other) = tokio::join!(
            organizations.removal_step(&order, 100),
            organizations.removal_step(&order, 100)
        );
        one?;
        other?;
        world.settle().await?;
        world.pass(Duration::from_mins(2));
        world.settle().await?;
        let step =
            app.organizations().removal_step(&RemovalOrder { last: true, ..order }, 1).await?;
        assert!(step.removed == 0 && step.complete, "{step:?}");
        for (event, times) in [
            ("device.removed", 3),
            ("template.removed", 1),
            ("device_group.removed", 1),
            ("user.membership_removed", 2),
            ("organization.removal_started", 1),
            ("organization.removed", 1),
        ] {
            assert_eq!(happened(world, event).await?, times, "{event}");
        }
        Ok(())
    })
}

#[test]
fn only_its_owner_with_the_permission_and_superusers_remove_it() -> Outcome {
    on_each_database(async |world| {
        let organizations = world.app.organizations();
        let may = Permissions::NONE.with(Permission::DeleteOrganization);
        let owner = permitted(world, 1, HARBOUR, may).await?;
        let manager = permitted(world, 2, HARBOUR, may).await?;
        let stranger = permitted(world, 3, HILLS, may).await?;
        let administrator =
            account(world, 4, &[Role::Administrator], &[(HARBOUR, true), (HILLS, true)]).await?;
        let unknown = OrganizationId::from_uuid(Uuid::from_u128(99));
        for id in [HARBOUR, unknown] {
            let refused = organizations.remove(&stranger, id).await;
            assert!(matches!(refused, Err(Failure::NotFound("Organization"))), "{refused:?}");
            let refused = organizations.contents(&stranger, id).await;
            assert!(matches!(refused, Err(Failure::NotFound("Organization"))), "{refused:?}");
        }
        for by in [&manager, &administrator] {
            let refused = organizations.remove(by, HARBOUR).await;
            assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
            let refused = organizations.contents(by, HARBOUR).await;
            assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        }
        assert_eq!(organizations.contents(&owner, HARBOUR).await?.memberships, 3);
        organizations.remove(&owner, HARBOUR).await?;
        world.settle().await?;
        assert!(organizations.get(&World::by(), HILLS).await.is_ok());
        Ok(())
    })
}

/// Somebody with permissions of their own, who manages one organization.
async fn permitted(
    world: &World,
    number: u128,
    organization_id: OrganizationId,
    permissions: Permissions,
) -> Outcome<app::By> {
    let token = format!("token-of-account-number-{number:016}");
    let new = NewUser {
        token: Some(token.clone().into()),
        permissions: permissions.with(Permission::ChangeOwner),
        memberships: vec![NewMembership { organization_id, manager: true }],
        ..NewUser::new(user(number), format!("account-{number}"))
    };
    world.app.accounts().create(&World::by(), new).await?;
    Ok(app::By::new(world.app.accounts().authenticate(&token).await?, None))
}

/// Three devices, a template, a group, an owner who manages the hills, too, and a member.
async fn furnished(world: &World) -> Outcome<domain::DeviceId> {
    let mut devices = Vec::new();
    for number in 1..=3 {
        devices.push(world.register(HARBOUR, number).await?.device_id);
    }
    world.template(11, Some(HARBOUR), "x\n", (false, true)).await?;
    let group = NewGroup {
        id: GroupId::from_uuid(Uuid::from_u128(30)),
        organization_id: HARBOUR,
        name: "roofs".to_owned(),
        description: String::new(),
        templates: Vec::new(),
        context: Document::new(),
        meta_data: Document::new(),
    };
    world.app.groups().create(&World::by(), group).await?;
    account(world, 1, &[Role::Administrator], &[(HARBOUR, true), (HILLS, true)]).await?;
    account(world, 2, &[], &[(HARBOUR, false)]).await?;
    world.settle().await?;
    let key = format!("key-of-device-1-of-{}", HARBOUR.as_uuid().as_u128());
    world.app.agents().check(devices[0], Some(&key), PEER).await?;
    Ok(devices[0])
}

async fn left(world: &World) -> Outcome<(Vec<domain::DeviceId>, Vec<domain::TemplateId>, u64)> {
    let (app, by) = (&world.app, World::by());
    let devices = app.devices().list(&by, DeviceFilter::default(), Order::Name, ALL).await?;
    let templates = app.templates().list(&by, TemplateFilter::default(), Order::Name, ALL).await?;
    let groups = app.groups().list(&by, GroupFilter::default(), Order::Name, ALL).await?;
    Ok((
        devices.rows.iter().map(|row| row.id).collect(),
        templates.rows.iter().map(|row| row.id).collect(),
        groups.count,
    ))
}

async fn happened(world: &World, event_type: &str) -> Outcome<usize> {
    let filter = EventFilter { event_types: vec![event_type.to_owned()], ..EventFilter::default() };
    Ok(world.app.store().events(&filter, 0, 1000).await?.len())
}

fn organization(number: u128, slug: &str, secret_of: OrganizationId) -> NewOrganization {
    NewOrganization {
        id: OrganizationId::from_uuid(Uuid::from_u128(number)),
        name: slug.to_owned(),
        slug: slug.to_owned(),
        details: OrganizationDetails::default(),
        is_active: true,
        registration_enabled: true,
        shared_secret: Some(secret(secret_of).into()),
        context: Document::new(),
        device_limit: DeviceLimit::Unlimited,
    }
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(100 + number))
}
