use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    Claim, ClaimChange, Fact, FieldError, Problem, kind,
    sample::{nested, object, organization, sealed},
};

#[test]
fn an_organization_is_created_with_a_trimmed_name() {
    nothing()
        .when(create(|new| new.name = "  Roof Net ".to_owned()))
        .then_expect_events(vec![created()]);
}

#[test]
fn an_organization_is_created_once() {
    given(vec![created()]).when(create(|_| {})).then_expect_error(OrganizationError::Exists);
}

#[test]
fn a_slug_holds_letters_digits_hyphens_and_underscores() {
    for slug in ["roof-net_2", "Roof", "9"] {
        let result = nothing().when(create(|new| new.slug = slug.to_owned())).inspect_result();
        assert!(result.is_ok(), "{slug}: {result:?}");
    }
    for slug in ["roof net", "röof", "roof/net", "roof.net"] {
        nothing()
            .when(create(|new| new.slug = slug.to_owned()))
            .then_expect_error(FieldError::new("slug", Problem::NotASlug).into());
    }
}

#[test]
fn every_value_is_bounded() {
    let long = |length: usize| "x".repeat(length);
    let too_long = |max, length| Problem::TooLong { max, length };
    let cases: Vec<(&str, Problem, Change)> = vec![
        ("name", Problem::Blank, Box::new(|new| new.name = "\t".to_owned())),
        ("name", too_long(200, 201), Box::new(move |new| new.name = long(201))),
        ("name", Problem::NullCharacter, Box::new(|new| new.name = "a\0b".to_owned())),
        ("slug", Problem::Blank, Box::new(|new| new.slug = String::new())),
        ("slug", too_long(200, 201), Box::new(move |new| new.slug = long(201))),
        (
            "description",
            too_long(10_000, 10_001),
            Box::new(move |new| new.details.description = long(10_001)),
        ),
        ("email", too_long(254, 255), Box::new(move |new| new.details.email = long(255))),
        ("url", too_long(200, 201), Box::new(move |new| new.details.url = long(201))),
        ("context", Problem::TooDeep, Box::new(|new| new.variables = nested(100))),
        (
            "context",
            Problem::NullCharacter,
            Box::new(|new| new.variables = object(json!({ "a": ["\0"] }))),
        ),
    ];
    for (field, problem, change) in cases {
        nothing().when(create(change)).then_expect_error(FieldError::new(field, problem).into());
    }
}

#[test]
fn what_does_not_exist_cannot_be_changed() {
    for (command, _) in changes() {
        nothing().when(command).then_expect_error(OrganizationError::Unknown);
    }
}

#[test]
fn every_change_is_one_event() {
    for (command, event) in changes() {
        given(vec![created()]).when(command).then_expect_events(vec![event]);
    }
}

#[test]
fn a_repeated_change_is_no_event() {
    for (command, event) in changes() {
        given(vec![created(), event]).when(command).then_expect_events(vec![]);
    }
}

#[test]
fn what_was_switched_off_can_be_switched_on_again() {
    let organization_id = organization(1);
    given(vec![created(), OrganizationEvent::Disabled { organization_id }])
        .when(OrganizationCommand::SetActive(true))
        .then_expect_events(vec![OrganizationEvent::Enabled { organization_id }]);
    given(vec![created(), OrganizationEvent::RegistrationClosed { organization_id }])
        .when(OrganizationCommand::SetRegistration(true))
        .then_expect_events(vec![OrganizationEvent::RegistrationOpened { organization_id }]);
}

#[test]
fn the_same_secret_under_another_nonce_is_no_change() {
    given(vec![created()])
        .when(OrganizationCommand::ChangeSharedSecret(sealed("secret", "another nonce")))
        .then_expect_events(vec![]);
}

#[test]
fn another_order_of_variables_is_a_change() {
    let swapped = OrganizationCommand::ChangeVariables(object(json!({ "b": 2, "a": 1 })));
    let events = given(vec![created()]).when(swapped.clone()).inspect_result();
    let events = events.expect("variables may change");
    assert_eq!(events.len(), 1);
    given(vec![created()]).and(events).when(swapped).then_expect_events(vec![]);
}

#[test]
fn a_limit_is_not_lower_than_the_devices_there_are() {
    let limit = |limit, devices| OrganizationCommand::ChangeDeviceLimit { limit, devices };
    let refused = OrganizationError::LimitBelowDevices { devices: 5 };
    let changed = |limit| {
        vec![OrganizationEvent::DeviceLimitChanged { organization_id: organization(1), limit }]
    };
    let known = || given(vec![created()]);

    known().when(limit(DeviceLimit::AtMost(4), 5)).then_expect_error(refused.clone());
    known().when(limit(DeviceLimit::NoDevices, 5)).then_expect_error(refused);
    known()
        .when(limit(DeviceLimit::AtMost(5), 5))
        .then_expect_events(changed(DeviceLimit::AtMost(5)));
    known()
        .when(limit(DeviceLimit::NoDevices, 0))
        .then_expect_events(changed(DeviceLimit::NoDevices));
}

#[test]
fn an_unchanged_limit_is_accepted_whatever_there_is() {
    let limit = DeviceLimit::AtMost(1);
    let changed = OrganizationEvent::DeviceLimitChanged { organization_id: organization(1), limit };
    given(vec![created(), changed])
        .when(OrganizationCommand::ChangeDeviceLimit { limit, devices: 5 })
        .then_expect_events(vec![]);
}

#[test]
fn limits_say_how_many_devices_there_may_be() {
    assert_eq!(DeviceLimit::Unlimited.max(), None);
    assert_eq!(DeviceLimit::AtMost(3).max(), Some(3));
    assert_eq!(DeviceLimit::NoDevices.max(), Some(0));
}

#[test]
fn what_is_being_removed_is_gone() {
    let organization_id = organization(1);
    let started = OrganizationEvent::RemovalStarted { organization_id };
    let removed = OrganizationEvent::Removed { organization_id };
    given(vec![created()])
        .when(OrganizationCommand::StartRemoval)
        .then_expect_events(vec![started.clone()]);
    let removing = || given(vec![created(), started.clone()]);
    removing().when(OrganizationCommand::StartRemoval).then_expect_events(vec![]);
    removing().when(create(|_| {})).then_expect_error(OrganizationError::Exists);
    removing().when(OrganizationCommand::Remove).then_expect_events(vec![removed.clone()]);
    let gone = || given(vec![created(), started.clone(), removed.clone()]);
    gone().when(OrganizationCommand::Remove).then_expect_events(vec![]);
    gone().when(create(|_| {})).then_expect_error(OrganizationError::Exists);
    for (command, _) in changes() {
        removing().when(command.clone()).then_expect_error(OrganizationError::Unknown);
        gone().when(command).then_expect_error(OrganizationError::Unknown);
    }
    nothing().when(OrganizationCommand::StartRemoval).then_expect_error(OrganizationError::Unknown);
    assert_eq!(started.claims(Uuid::nil()), [ClaimChange::ReleaseAll]);
}

#[test]
fn slugs_and_secrets_are_unique_everywhere() {
    let take = |kind, value: &str| ClaimChange::Take(Claim::new(kind, None, value));
    let release = |kind, value: &str| ClaimChange::Release(Claim::new(kind, None, value));
    assert_eq!(
        created().claims(Uuid::nil()),
        [
            take(kind::ORGANIZATION_SLUG, "roof-net"),
            take(kind::ORGANIZATION_SECRET, "secret-print"),
        ]
    );
    for (_, event) in changes() {
        let (kind, from, to) = match event {
            OrganizationEvent::SlugChanged { .. } => (kind::ORGANIZATION_SLUG, "roof-net", "door"),
            OrganizationEvent::SharedSecretChanged { .. } => {
                (kind::ORGANIZATION_SECRET, "secret-print", "other-print")
            }
            _ => {
                assert_eq!(event.claims(Uuid::nil()), []);
                continue;
            }
        };
        assert_eq!(event.claims(Uuid::nil()), [release(kind, from), take(kind, to)]);
        assert_eq!(event.organization(), Some(organization(1)));
    }
}

// What the stories above are made of.

type Change = Box<dyn Fn(&mut CreateOrganization)>;

fn nothing() -> AggregateTestExecutor<Organization> {
    TestFramework::with(()).given_no_previous_events()
}

fn given(events: Vec<OrganizationEvent>) -> AggregateTestExecutor<Organization> {
    TestFramework::with(()).given(events)
}

fn changes() -> Vec<(OrganizationCommand, OrganizationEvent)> {
    let organization_id = organization(1);
    let details = || OrganizationDetails { url: "https://roof.example".to_owned(), ..details() };
    let variables = || object(json!({ "country": "IT" }));
    let limit = DeviceLimit::AtMost(10);
    vec![
        (
            OrganizationCommand::Rename("Door Net ".to_owned()),
            OrganizationEvent::Renamed {
                organization_id,
                from: "Roof Net".to_owned(),
                to: "Door Net".to_owned(),
            },
        ),
        (
            OrganizationCommand::ChangeSlug("door".to_owned()),
            OrganizationEvent::SlugChanged {
                organization_id,
                from: "roof-net".to_owned(),
                to: "door".to_owned(),
            },
        ),
        (
            OrganizationCommand::ChangeDetails(details()),
            OrganizationEvent::DetailsChanged { organization_id, details: details() },
        ),
        (OrganizationCommand::SetActive(false), OrganizationEvent::Disabled { organization_id }),
        (
            OrganizationCommand::SetRegistration(false),
            OrganizationEvent::RegistrationClosed { organization_id },
        ),
        (
            OrganizationCommand::ChangeSharedSecret(sealed("other", "n")),
            OrganizationEvent::SharedSecretChanged {
                organization_id,
                from: "secret-print".to_owned(),
                secret: sealed("other", "n"),
            },
        ),
        (
            OrganizationCommand::ChangeVariables(variables()),
            OrganizationEvent::VariablesChanged { organization_id, variables: variables() },
        ),
        (
            OrganizationCommand::ChangeDeviceLimit { limit, devices: 3 },
            OrganizationEvent::DeviceLimitChanged { organization_id, limit },
        ),
    ]
}

fn create(change: impl Fn(&mut CreateOrganization)) -> OrganizationCommand {
    let OrganizationEvent::Created(created) = created() else { unreachable!() };
    let mut new = CreateOrganization {
        id: created.organization_id,
        name: created.name,
        slug: created.slug,
        details: created.details,
        active: created.active,
        registration_open: created.registration_open,
        secret: created.secret,
        variables: created.variables,
        limit: created.limit,
    };
    change(&mut new);
    OrganizationCommand::Create(Box::new(new))
}

fn created() -> OrganizationEvent {
    OrganizationEvent::Created(Box::new(OrganizationCreated {
        organization_id: organization(1),
        name: "Roof Net".to_owned(),
        slug: "roof-net".to_owned(),
        details: details(),
        active: true,
        registration_open: true,
        secret: sealed("secret", "n"),
        variables: object(json!({ "a": 1, "b": 2 })),
        limit: DeviceLimit::Unlimited,
    }))
}

fn details() -> OrganizationDetails {
    OrganizationDetails {
        description: "Above the town".to_owned(),
        email: "noc@roof.example".to_owned(),
        url: String::new(),
    }
}
