use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    Claim, ClaimChange, Fact, FieldError, Permission, PermissionGroupId, Permissions, Problem, kind,
};

#[test]
fn a_group_is_created_once_with_a_trimmed_name() {
    nothing().when(create("  planners ")).then_expect_events(vec![created()]);
    given(vec![created()]).when(create("x")).then_expect_error(PermissionGroupError::Exists);
    given(vec![created(), removed()])
        .when(create("x"))
        .then_expect_error(PermissionGroupError::Exists);
}

#[test]
fn a_group_needs_a_name_of_at_most_150_characters() {
    let invalid = |problem| PermissionGroupError::from(FieldError::new("name", problem));
    nothing().when(create(" ")).then_expect_error(invalid(Problem::Blank));
    given(vec![created()])
        .when(PermissionGroupCommand::Rename("g".repeat(151)))
        .then_expect_error(invalid(Problem::TooLong { max: 150, length: 151 }));
}

#[test]
fn a_change_is_one_event_and_its_repetition_none() {
    for (command, event) in [
        (
            PermissionGroupCommand::Rename("designers".to_owned()),
            PermissionGroupEvent::Renamed {
                from: "planners".to_owned(),
                to: "designers".to_owned(),
            },
        ),
        (
            PermissionGroupCommand::ChangePermissions(Permissions::NONE),
            PermissionGroupEvent::PermissionsChanged { from: template(), to: Permissions::NONE },
        ),
    ] {
        given(vec![created()]).when(command.clone()).then_expect_events(vec![event.clone()]);
        given(vec![created(), event]).when(command.clone()).then_expect_events(vec![]);
        nothing().when(command.clone()).then_expect_error(PermissionGroupError::Unknown);
        given(vec![created(), removed()])
            .when(command)
            .then_expect_error(PermissionGroupError::Unknown);
    }
}

#[test]
fn what_a_newer_program_knows_is_given_once() {
    let more = template().with(Permission::ViewLog);
    let introduced =
        || PermissionGroupEvent::PermissionsIntroduced { permissions: more.without(template()) };
    let introduce = || PermissionGroupCommand::Introduce(more);
    given(vec![created()]).when(introduce()).then_expect_events(vec![introduced()]);
    given(vec![created(), introduced()]).when(introduce()).then_expect_events(vec![]);
    // Somebody took it away again.
    let taken = PermissionGroupEvent::PermissionsChanged { from: more, to: Permissions::NONE };
    given(vec![created(), introduced(), taken]).when(introduce()).then_expect_events(vec![]);
    given(vec![created(), removed()]).when(introduce()).then_expect_events(vec![]);
    nothing().when(introduce()).then_expect_error(PermissionGroupError::Unknown);
}

#[test]
fn a_removed_group_gives_its_name_back_and_keeps_its_number() {
    given(vec![created()]).when(PermissionGroupCommand::Remove).then_expect_events(vec![removed()]);
    given(vec![created(), removed()])
        .when(PermissionGroupCommand::Remove)
        .then_expect_events(vec![]);
    let name = |name: &str| Claim::new(kind::PERMISSION_GROUP_NAME, None, name);
    assert_eq!(removed().claims(Uuid::nil()), [ClaimChange::Release(name("planners"))]);
    assert_eq!(
        created().claims(Uuid::nil()),
        [
            ClaimChange::Take(name("planners")),
            ClaimChange::Take(Claim::new(kind::PERMISSION_GROUP_NUMBER, None, "3"))
        ]
    );
    assert_eq!(created().organization(), None);
}

// What the stories above are made of.

fn nothing() -> AggregateTestExecutor<PermissionGroup> {
    TestFramework::with(()).given_no_previous_events()
}

fn given(events: Vec<PermissionGroupEvent>) -> AggregateTestExecutor<PermissionGroup> {
    TestFramework::with(()).given(events)
}

fn template() -> Permissions {
    Permissions::NONE.with(Permission::AddTemplate)
}

fn id() -> PermissionGroupId {
    PermissionGroupId::from_uuid(Uuid::from_u128(3))
}

fn create(name: &str) -> PermissionGroupCommand {
    PermissionGroupCommand::Create(CreatePermissionGroup {
        id: id(),
        number: 3,
        name: name.to_owned(),
        permissions: template(),
    })
}

fn created() -> PermissionGroupEvent {
    PermissionGroupEvent::Created(PermissionGroupCreated {
        group_id: id(),
        number: 3,
        name: "planners".to_owned(),
        permissions: template(),
    })
}

fn removed() -> PermissionGroupEvent {
    PermissionGroupEvent::Removed { name: "planners".to_owned() }
}
