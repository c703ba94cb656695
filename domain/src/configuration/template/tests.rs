use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    Claim, ClaimChange, Fact, FieldError, OrganizationId, Problem,
    configuration::Backend,
    kind,
    sample::{nested, object, organization, template},
};

#[test]
fn a_template_is_created_with_a_trimmed_name() {
    nothing().when(create(|new| new.name = " dns ".to_owned())).then_expect_events(vec![created()]);
}

#[test]
fn a_template_says_something() {
    nothing()
        .when(create(|new| new.config = object(json!({}))))
        .then_expect_error(TemplateError::EmptyContents);
    given(vec![created()])
        .when(TemplateCommand::ChangeContents(object(json!({}))))
        .then_expect_error(TemplateError::EmptyContents);
}

#[test]
fn every_value_is_bounded() {
    let too_long = |max| Problem::TooLong { max, length: max + 1 };
    let cases: Vec<(&str, Problem, Change)> = vec![
        ("name", Problem::Blank, Box::new(|new| new.name = " ".to_owned())),
        ("name", too_long(64), Box::new(|new| new.name = "n".repeat(65))),
        ("config", Problem::TooDeep, Box::new(|new| new.config = nested(100))),
        ("default_values", Problem::TooDeep, Box::new(|new| new.default_values = nested(100))),
        ("tags", Problem::Blank, Box::new(|new| new.tags = vec![String::new()])),
        ("tags", too_long(100), Box::new(|new| new.tags = vec!["t".repeat(101)])),
        ("notes", too_long(100_000), Box::new(|new| new.notes = "n".repeat(100_001))),
    ];
    for (field, problem, change) in cases {
        nothing().when(create(change)).then_expect_error(FieldError::new(field, problem).into());
    }
}

#[test]
fn a_template_has_at_most_a_hundred_tags() {
    let tags = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    let rule = Problem::Rule("may hold at most 100 tags".to_owned());
    let twice = [tags(100), tags(100)].concat();

    given(vec![created()])
        .when(TemplateCommand::ChangeTags(tags(101)))
        .then_expect_error(FieldError::new("tags", rule).into());
    given(vec![created()]).when(TemplateCommand::ChangeTags(twice)).then_expect_events(vec![
        TemplateEvent::TagsChanged { organization_id: OWNER, tags: tags(100) },
    ]);
}

#[test]
fn tags_are_trimmed_and_kept_once_in_the_order_given() {
    let tags = ["b", " a ", "b"].map(str::to_owned).to_vec();
    let kept = ["b", "a"].map(str::to_owned).to_vec();
    given(vec![created()]).when(TemplateCommand::ChangeTags(tags)).then_expect_events(vec![
        TemplateEvent::TagsChanged { organization_id: OWNER, tags: kept },
    ]);
}

#[test]
fn an_id_is_used_once() {
    given(vec![created()]).when(create(|_| {})).then_expect_error(TemplateError::Exists);
    given(vec![created(), removed()]).when(create(|_| {})).then_expect_error(TemplateError::Exists);
}

#[test]
fn what_does_not_exist_cannot_be_changed() {
    for (command, _) in changes() {
        nothing().when(command.clone()).then_expect_error(TemplateError::Unknown);
        given(vec![created(), removed()]).when(command).then_expect_error(TemplateError::Unknown);
    }
    nothing().when(TemplateCommand::Remove).then_expect_error(TemplateError::Unknown);
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
fn another_order_of_keys_is_a_change_however_deep() {
    let swapped = || object(json!({ "dns": [{ "b": 2, "a": 1 }] }));
    let events =
        given(vec![created()]).when(TemplateCommand::ChangeContents(swapped())).inspect_result();
    let events = events.expect("contents may change");
    assert_eq!(events.len(), 1);
    given(vec![created()])
        .and(events)
        .when(TemplateCommand::ChangeContents(swapped()))
        .then_expect_events(vec![]);
}

#[test]
fn a_number_of_another_spelling_is_a_change() {
    let spelled = object(json!({ "dns": [{ "a": 1.0, "b": 2 }] }));
    let events =
        given(vec![created()]).when(TemplateCommand::ChangeContents(spelled)).inspect_result();
    assert_eq!(events.expect("contents may change").len(), 1);
}

#[test]
fn a_required_template_is_a_default_one() {
    for (default, required, flags) in [
        (false, false, TemplateFlags::OnDemand),
        (true, false, TemplateFlags::Default),
        (false, true, TemplateFlags::Required),
        (true, true, TemplateFlags::Required),
    ] {
        assert_eq!(TemplateFlags::new(default, required), flags);
        assert_eq!(flags.is_default(), default || required);
        assert_eq!(flags.is_required(), required);
    }
}

#[test]
fn a_template_is_removed_once() {
    given(vec![created()]).when(TemplateCommand::Remove).then_expect_events(vec![removed()]);
    given(vec![created(), removed()]).when(TemplateCommand::Remove).then_expect_events(vec![]);
}

#[test]
fn names_are_unique_inside_the_organization_or_among_the_shared_ones() {
    for owner in [OWNER, None] {
        let name = |name| Claim::new(kind::TEMPLATE_NAME, owner.map(OrganizationId::as_uuid), name);
        let TemplateEvent::Created(mut new) = created() else { unreachable!() };
        new.organization_id = owner;
        let renamed = TemplateEvent::Renamed {
            organization_id: owner,
            from: "dns".to_owned(),
            to: "ntp".to_owned(),
        };

        assert_eq!(renamed.organization(), owner);
        assert_eq!(
            TemplateEvent::Created(new).claims(Uuid::nil()),
            [ClaimChange::Take(name("dns"))]
        );
        assert_eq!(
            renamed.claims(Uuid::nil()),
            [ClaimChange::Release(name("dns")), ClaimChange::Take(name("ntp"))]
        );
    }
    assert_eq!(removed().claims(Uuid::nil()), [ClaimChange::ReleaseAll]);
    for (_, event) in changes() {
        let renames = matches!(event, TemplateEvent::Renamed { .. });
        assert_eq!(event.claims(Uuid::nil()).is_empty(), !renames);
        assert_eq!(event.organization(), OWNER);
    }
}

#[test]
fn a_template_takes_its_name_along_when_it_moves() {
    let other = Some(organization(2));
    for to in [None, other] {
        let moved = TemplateEvent::Moved { from: OWNER, to, name: "dns".to_owned() };
        given(vec![created()])
            .when(TemplateCommand::Move(to))
            .then_expect_events(vec![moved.clone()]);
        given(vec![created(), moved.clone()])
            .when(TemplateCommand::Move(to))
            .then_expect_events(vec![]);
        let name = |owner: Option<OrganizationId>| {
            Claim::new(kind::TEMPLATE_NAME, owner.map(OrganizationId::as_uuid), "dns")
        };
        let claims = [ClaimChange::Release(name(OWNER)), ClaimChange::Take(name(to))];
        assert_eq!((moved.claims(Uuid::nil()), moved.organization()), (claims.to_vec(), to));
    }
    given(vec![created(), removed()])
        .when(TemplateCommand::Move(other))
        .then_expect_error(TemplateError::Unknown);
}

// What the stories above are made of.

const OWNER: Option<OrganizationId> = Some(organization(1));

type Change = Box<dyn Fn(&mut CreateTemplate)>;

fn nothing() -> AggregateTestExecutor<Template> {
    TestFramework::with(()).given_no_previous_events()
}

fn given(events: Vec<TemplateEvent>) -> AggregateTestExecutor<Template> {
    TestFramework::with(()).given(events)
}

fn changes() -> Vec<(TemplateCommand, TemplateEvent)> {
    let organization_id = OWNER;
    let config = || object(json!({ "ntp": { "enabled": true } }));
    let tags = || vec!["roof".to_owned()];
    vec![
        (
            TemplateCommand::Rename("ntp".to_owned()),
            TemplateEvent::Renamed {
                organization_id,
                from: "dns".to_owned(),
                to: "ntp".to_owned(),
            },
        ),
        (
            TemplateCommand::ChangeContents(config()),
            TemplateEvent::ContentsChanged { organization_id, config: config() },
        ),
        (
            TemplateCommand::ChangeDefaultValues(config()),
            TemplateEvent::DefaultValuesChanged { organization_id, default_values: config() },
        ),
        (
            TemplateCommand::ChangeTags(tags()),
            TemplateEvent::TagsChanged { organization_id, tags: tags() },
        ),
        (
            TemplateCommand::ChangeFlags(TemplateFlags::Required),
            TemplateEvent::FlagsChanged {
                organization_id,
                from: TemplateFlags::OnDemand,
                to: TemplateFlags::Required,
                backend: backend("netjsonconfig.OpenWrt"),
            },
        ),
        (
            TemplateCommand::ChangeNotes("ask Ada".to_owned()),
            TemplateEvent::NotesChanged { organization_id, notes: "ask Ada".to_owned() },
        ),
        (
            TemplateCommand::ChangeBackend(backend("netjsonconfig.OpenWisp")),
            TemplateEvent::BackendChanged {
                organization_id,
                from: backend("netjsonconfig.OpenWrt"),
                to: backend("netjsonconfig.OpenWisp"),
            },
        ),
    ]
}

fn create(change: impl Fn(&mut CreateTemplate)) -> TemplateCommand {
    let TemplateEvent::Created(created) = created() else { unreachable!() };
    let mut new = CreateTemplate {
        id: created.template_id,
        organization_id: created.organization_id,
        name: created.name,
        backend: created.backend,
        config: created.config,
        default_values: created.default_values,
        tags: created.tags,
        flags: created.flags,
        notes: created.notes,
    };
    change(&mut new);
    TemplateCommand::Create(Box::new(new))
}

fn created() -> TemplateEvent {
    TemplateEvent::Created(Box::new(TemplateCreated {
        template_id: template(3),
        organization_id: OWNER,
        name: "dns".to_owned(),
        backend: backend("netjsonconfig.OpenWrt"),
        config: object(json!({ "dns": [{ "a": 1, "b": 2 }] })),
        default_values: object(json!({})),
        tags: vec![],
        flags: TemplateFlags::OnDemand,
        notes: String::new(),
    }))
}

fn removed() -> TemplateEvent {
    TemplateEvent::Removed { organization_id: OWNER }
}

fn backend(name: &str) -> Backend {
    name.parse().expect("a backend's name")
}
