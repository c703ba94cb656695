use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    FieldError, Problem, WebhookId,
    sample::{organization, sealed},
};

fn nothing() -> AggregateTestExecutor<Webhook> {
    TestFramework::with(()).given_no_previous_events()
}

fn given(events: Vec<WebhookEvent>) -> AggregateTestExecutor<Webhook> {
    TestFramework::with(()).given(events)
}

fn webhook() -> WebhookId {
    WebhookId::from_uuid(Uuid::from_u128(7))
}

fn moment() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn types(types: &[&str]) -> WebhookSelection {
    WebhookSelection {
        types: types.iter().map(|one| (*one).to_owned()).collect(),
        ..WebhookSelection::default()
    }
}

fn new(owner: Option<u128>, name: &str, selection: WebhookSelection) -> WebhookCommand {
    WebhookCommand::Create(CreateWebhook {
        id: webhook(),
        organization_id: owner.map(organization),
        name: name.to_owned(),
        url: "https://hooks.example.org/in".to_owned(),
        selection,
        secret: sealed("one", "a"),
    })
}

fn created() -> WebhookEvent {
    WebhookEvent::Created(Box::new(WebhookCreated {
        webhook_id: webhook(),
        organization_id: Some(organization(1)),
        name: "tickets".to_owned(),
        url: "https://hooks.example.org/in".to_owned(),
        selection: types(&["device.activated", "device.renamed"]),
        secret: sealed("one", "a"),
    }))
}

/// Every change and what it comes to.
fn changes() -> Vec<(WebhookCommand, WebhookEvent)> {
    let organization_id = Some(organization(1));
    vec![
        (
            WebhookCommand::Rename(" alarms ".to_owned()),
            WebhookEvent::Renamed {
                organization_id,
                from: "tickets".to_owned(),
                to: "alarms".to_owned(),
            },
        ),
        (
            WebhookCommand::ChangeUrl("https://b.example.org".to_owned()),
            WebhookEvent::UrlChanged { organization_id, url: "https://b.example.org".to_owned() },
        ),
        (
            WebhookCommand::ChangeSelection(types(&["device.renamed"])),
            WebhookEvent::SelectionChanged {
                organization_id,
                selection: types(&["device.renamed"]),
            },
        ),
        (
            WebhookCommand::RotateSecret { secret: sealed("two", "b"), previous_until: moment() },
            WebhookEvent::SecretRotated {
                organization_id,
                secret: sealed("two", "b"),
                previous_until: moment(),
            },
        ),
        (WebhookCommand::Pause, WebhookEvent::Paused { organization_id }),
        (
            WebhookCommand::Disable { since: moment(), why: WhyDisabled::Failing },
            WebhookEvent::Disabled { organization_id, since: moment(), why: WhyDisabled::Failing },
        ),
    ]
}

#[test]
fn a_webhook_is_made_with_each_type_once() {
    let selection = types(&["device.renamed", "device.activated", "device.renamed"]);
    nothing().when(new(Some(1), " tickets ", selection)).then_expect_events(vec![created()]);
}

#[test]
fn what_nobody_knows_cannot_be_selected() {
    let invalid = |field, value: &str| {
        WebhookError::from(FieldError::new(field, Problem::NotAChoice(value.to_owned())))
    };
    nothing()
        .when(new(Some(1), "x", types(&["ship.sunk"])))
        .then_expect_error(invalid("selection.types", "ship.sunk"));
    let ships =
        WebhookSelection { aggregates: vec!["ship".to_owned()], ..WebhookSelection::default() };
    nothing()
        .when(new(Some(1), "x", ships))
        .then_expect_error(invalid("selection.aggregate_types", "ship"));
}

#[test]
fn organizations_are_chosen_only_where_there_is_a_choice() {
    let of =
        WebhookSelection { organizations: vec![organization(2)], ..WebhookSelection::default() };
    let result = nothing().when(new(Some(1), "x", of.clone())).inspect_result();
    assert!(matches!(result, Err(WebhookError::Invalid(_))), "{result:?}");
    assert!(nothing().when(new(None, "x", of)).inspect_result().is_ok());
}

#[test]
fn every_change_is_one_event_once() {
    for (command, event) in changes() {
        given(vec![created()]).when(command.clone()).then_expect_events(vec![event.clone()]);
        given(vec![created(), event]).when(command.clone()).then_expect_events(vec![]);
        nothing().when(command.clone()).then_expect_error(WebhookError::Unknown);
        let removed = WebhookEvent::Removed { organization_id: Some(organization(1)) };
        given(vec![created(), removed]).when(command).then_expect_error(WebhookError::Unknown);
    }
}

#[test]
fn whatever_stopped_it_it_is_resumed_once() {
    let organization_id = Some(organization(1));
    let resumed = WebhookEvent::Resumed { organization_id };
    for (_, stopped) in changes().into_iter().skip(4) {
        given(vec![created(), stopped.clone()])
            .when(WebhookCommand::Resume)
            .then_expect_events(vec![resumed.clone()]);
        // What delivers nothing already is not given up.
        given(vec![created(), stopped])
            .when(WebhookCommand::Disable { since: moment(), why: WhyDisabled::Gone })
            .then_expect_events(vec![]);
    }
    given(vec![created()]).when(WebhookCommand::Resume).then_expect_events(vec![]);
}

#[test]
fn kinds_and_types_hold_together() {
    let both = WebhookSelection {
        aggregates: vec!["device".to_owned()],
        types: vec!["device.renamed".to_owned(), "template.renamed".to_owned()],
        ..WebhookSelection::default()
    };
    let selected: Vec<&str> = both.event_types().into_iter().flatten().collect();
    assert_eq!(selected, ["device.renamed"]);
    assert_eq!(both.aggregates().into_iter().collect::<Vec<_>>(), ["device"]);
    assert_eq!(WebhookSelection::default().event_types(), None);
    assert!(WebhookSelection::default().aggregates().contains("user"));
}
