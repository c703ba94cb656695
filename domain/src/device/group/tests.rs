use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    Claim, ClaimChange, Fact, FieldError, Problem, kind,
    sample::{group, nested, object, organization, template},
};

#[test]
fn a_group_is_created_with_a_trimmed_name() {
    nothing().when(create("  roofs ")).then_expect_events(vec![created()]);
}

#[test]
fn a_group_needs_a_name_of_at_most_60_characters() {
    let invalid = |problem| GroupError::from(FieldError::new("name", problem));
    nothing().when(create("  ")).then_expect_error(invalid(Problem::Blank));
    nothing()
        .when(create(&"r".repeat(61)))
        .then_expect_error(invalid(Problem::TooLong { max: 60, length: 61 }));
    given(vec![created()])
        .when(GroupCommand::Rename(String::new()))
        .then_expect_error(invalid(Problem::Blank));
}

#[test]
fn documents_nested_too_deeply_are_refused() {
    let deep = || nested(100);
    let refused = |field| GroupError::from(FieldError::new(field, Problem::TooDeep));
    given(vec![created()])
        .when(GroupCommand::ChangeVariables(deep()))
        .then_expect_error(refused("context"));
    given(vec![created()])
        .when(GroupCommand::ChangeMetaData(deep()))
        .then_expect_error(refused("meta_data"));
}

#[test]
fn an_id_is_used_once() {
    given(vec![created()]).when(create("doors")).then_expect_error(GroupError::Exists);
    given(vec![created(), removed()]).when(create("doors")).then_expect_error(GroupError::Exists);
}

#[test]
fn what_does_not_exist_cannot_be_changed() {
    for (command, _) in changes() {
        nothing().when(command.clone()).then_expect_error(GroupError::Unknown);
        given(vec![created(), removed()]).when(command).then_expect_error(GroupError::Unknown);
    }
    nothing().when(GroupCommand::Remove).then_expect_error(GroupError::Unknown);
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
fn another_order_of_keys_is_a_change() {
    let variables = || object(json!({ "b": 2, "a": 1 }));
    let events = given(vec![created()])
        .when(GroupCommand::ChangeVariables(variables()))
        .inspect_result()
        .expect("variables may change");
    let [GroupEvent::VariablesChanged { variables: stored, .. }] = &events[..] else {
        panic!("one change of variables, not {events:?}");
    };
    assert_eq!(Value::Object(stored.clone()).to_string(), r#"{"b":2,"a":1}"#);

    given(vec![created(), events[0].clone()])
        .when(GroupCommand::ChangeVariables(variables()))
        .then_expect_events(vec![]);
}

#[test]
fn another_order_of_templates_is_a_change() {
    given(vec![created()])
        .when(GroupCommand::ChangeTemplates(vec![template(2), template(1)]))
        .then_expect_events(vec![GroupEvent::TemplatesChanged {
            organization_id: organization(1),
            from: vec![template(1), template(2)],
            to: vec![template(2), template(1)],
        }]);
}

#[test]
fn a_group_is_removed_once() {
    given(vec![created()]).when(GroupCommand::Remove).then_expect_events(vec![removed()]);
    given(vec![created(), removed()]).when(GroupCommand::Remove).then_expect_events(vec![]);
}

#[test]
fn names_are_unique_inside_the_organization() {
    let name = |name| Claim::new(kind::GROUP_NAME, Some(organization(1).as_uuid()), name);
    let claims = |event: GroupEvent| event.claims(Uuid::nil());

    assert_eq!(claims(created()), [ClaimChange::Take(name("roofs"))]);
    for (_, event) in changes() {
        let expected = match event {
            GroupEvent::Renamed { .. } => {
                vec![ClaimChange::Release(name("roofs")), ClaimChange::Take(name("doors"))]
            }
            _ => vec![],
        };
        assert_eq!(event.organization(), Some(organization(1)));
        assert_eq!(claims(event), expected);
    }
    assert_eq!(claims(removed()), [ClaimChange::ReleaseAll]);
}

// What the stories above are made of.

fn nothing() -> AggregateTestExecutor<Group> {
    TestFramework::with(()).given_no_previous_events()
}

fn given(events: Vec<GroupEvent>) -> AggregateTestExecutor<Group> {
    TestFramework::with(()).given(events)
}

fn changes() -> Vec<(GroupCommand, GroupEvent)> {
    let organization_id = organization(1);
    let document = || object(json!({ "ssid": "guests" }));
    vec![
        (
            GroupCommand::Rename(" doors ".to_owned()),
            GroupEvent::Renamed {
                organization_id,
                from: "roofs".to_owned(),
                to: "doors".to_owned(),
            },
        ),
        (
            GroupCommand::ChangeDescription("outside".to_owned()),
            GroupEvent::DescriptionChanged { organization_id, description: "outside".to_owned() },
        ),
        (
            GroupCommand::ChangeVariables(document()),
            GroupEvent::VariablesChanged { organization_id, variables: document() },
        ),
        (
            GroupCommand::ChangeMetaData(document()),
            GroupEvent::MetaDataChanged { organization_id, meta_data: document() },
        ),
        (
            GroupCommand::ChangeTemplates(vec![]),
            GroupEvent::TemplatesChanged {
                organization_id,
                from: vec![template(1), template(2)],
                to: vec![],
            },
        ),
    ]
}

fn create(name: &str) -> GroupCommand {
    let GroupEvent::Created(created) = created() else { unreachable!() };
    GroupCommand::Create(CreateGroup {
        id: created.group_id,
        organization_id: created.organization_id,
        name: name.to_owned(),
        description: created.description,
        templates: created.templates,
        variables: created.variables,
        meta_data: created.meta_data,
    })
}

fn created() -> GroupEvent {
    GroupEvent::Created(GroupCreated {
        group_id: group(5),
        organization_id: organization(1),
        name: "roofs".to_owned(),
        description: String::new(),
        templates: vec![template(1), template(2)],
        variables: object(json!({ "a": 1, "b": 2 })),
        meta_data: object(json!({})),
    })
}

fn removed() -> GroupEvent {
    GroupEvent::Removed { organization_id: organization(1) }
}
