use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    Document, Fact, FieldError, Problem,
    configuration::Backend,
    sample::{device, nested, object, organization, template},
};

// Contents, variables, templates.

#[test]
fn a_configuration_is_created_once() {
    nothing().when(create(|_| {})).then_expect_events(vec![created()]);
    given(vec![created()]).when(create(|_| {})).then_expect_error(ConfigurationError::Exists);
}

#[test]
fn a_removed_configuration_may_be_created_again() {
    let history = || given(vec![created(), removed()]);
    history().when(ConfigurationCommand::Remove).then_expect_events(vec![]);
    history().when(ConfigurationCommand::Deactivate).then_expect_error(ConfigurationError::Unknown);
    history().when(create(|_| {})).then_expect_events(vec![created()]);
}

#[test]
fn a_configuration_that_was_created_again_has_no_archive() {
    given(vec![created(), rendered(A), removed(), created()])
        .when(accept(A))
        .then_expect_events(vec![rendered(A)]);
}

#[test]
fn what_does_not_exist_cannot_be_changed() {
    for command in changes().into_iter().map(|(command, _)| command).chain([
        accept(A),
        fail("no"),
        confirm(),
        report(ReportedStatus::Applied),
        ConfigurationCommand::Deactivate,
        activate(),
    ]) {
        nothing().when(command).then_expect_error(ConfigurationError::Unknown);
    }
    nothing().when(ConfigurationCommand::Remove).then_expect_events(vec![]);
}

#[test]
fn documents_nested_too_deeply_are_refused() {
    let refused = |field| ConfigurationError::from(FieldError::new(field, Problem::TooDeep));
    nothing()
        .when(create(|new| new.config = nested(100)))
        .then_expect_error(refused("config.config"));
    given(vec![created()])
        .when(ConfigurationCommand::ChangeContents(nested(100)))
        .then_expect_error(refused("config.config"));
    given(vec![created()])
        .when(ConfigurationCommand::ChangeVariables(nested(100)))
        .then_expect_error(refused("config.context"));
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
    let swapped = || object(json!({ "b": 2, "a": 1 }));
    for command in [
        ConfigurationCommand::ChangeContents(swapped()),
        ConfigurationCommand::ChangeVariables(swapped()),
    ] {
        let events = given(vec![created()]).when(command.clone()).inspect_result();
        let events = events.expect("documents may change");
        assert_eq!(events.len(), 1);
        given(vec![created()]).and(events).when(command).then_expect_events(vec![]);
    }
}

#[test]
fn another_order_of_templates_is_a_change() {
    given(vec![created()])
        .when(ConfigurationCommand::AssignTemplates(vec![template(2), template(1)]))
        .then_expect_events(vec![ConfigurationEvent::TemplatesChanged {
            organization_id: organization(1),
            from: vec![template(1), template(2)],
            to: vec![template(2), template(1)],
        }]);
}

#[test]
fn what_ends_or_ended_is_not_edited() {
    for history in [vec![created(), deactivating()], vec![created(), deactivating(), deactivated()]]
    {
        for (command, _) in changes() {
            let result = given(history.clone()).when(command.clone()).inspect_result();
            match command {
                ConfigurationCommand::Move { .. } => assert_eq!(result, Ok(vec![moved()])),
                _ => assert_eq!(result, Err(ConfigurationError::Deactivated)),
            }
        }
    }
}

#[test]
fn a_moved_configuration_belongs_to_the_new_owner() {
    let after = || given(vec![created(), moved()]);
    after()
        .when(ConfigurationCommand::Remove)
        .then_expect_events(vec![ConfigurationEvent::Removed { organization_id: organization(9) }]);
    after()
        .when(ConfigurationCommand::AssignTemplates(vec![template(8)]))
        .then_expect_events(vec![]);
    assert_eq!(moved().organization(), Some(organization(9)));
}

// Renderings.

#[test]
fn the_first_rendering_is_an_event() {
    given(vec![created()]).when(accept(A)).then_expect_events(vec![rendered(A)]);
}

#[test]
fn equal_bytes_are_no_event() {
    given(vec![created(), rendered(A)]).when(accept(A)).then_expect_events(vec![]);
    given(vec![created(), rendered(A), applied(A)]).when(accept(A)).then_expect_events(vec![]);
}

#[test]
fn other_bytes_have_to_be_applied_again() {
    given(vec![created(), rendered(A), applied(A)])
        .when(accept(B))
        .then_expect_events(vec![rendered(B)]);
    given(vec![created(), rendered(A), applied(A), rendered(B)])
        .when(report(ReportedStatus::Applied))
        .then_expect_events(vec![applied(B)]);
}

#[test]
fn a_failed_rendering_is_noted_once() {
    let failed = || vec![created(), rendered(A), failed("no")];
    given(vec![created(), rendered(A)])
        .when(fail("no"))
        .then_expect_events(vec![self::failed("no")]);
    given(failed()).when(fail("no")).then_expect_events(vec![]);
    given(failed()).when(fail("why")).then_expect_events(vec![self::failed("why")]);
}

#[test]
fn after_a_failure_equal_bytes_are_a_recovery_and_other_bytes_a_rendering() {
    let failed = || vec![created(), rendered(A), failed("no")];
    given(failed()).when(accept(A)).then_expect_events(vec![recovered(A)]);
    given(failed()).when(accept(B)).then_expect_events(vec![rendered(B)]);
    for settled in [recovered(A), rendered(B)] {
        given(failed())
            .and(vec![settled])
            .when(fail("no"))
            .then_expect_events(vec![self::failed("no")]);
    }
}

#[test]
fn a_failure_leaves_the_status_alone() {
    given(vec![created(), rendered(A), applied(A), failed("no")])
        .when(report(ReportedStatus::Applied))
        .then_expect_events(vec![]);
}

#[test]
fn confirmation_is_required_from_devices_that_gave_it_or_failed() {
    let required = vec![confirmation_required()];
    for (history, expected) in [
        (vec![created(), rendered(A)], vec![]),
        (vec![created(), rendered(A), applied(A)], required.clone()),
        (vec![created(), rendered(A), apply_failed("no")], required),
        (vec![created(), deactivating()], vec![]),
        (vec![created(), deactivating(), deactivated()], vec![]),
    ] {
        given(history).when(confirm()).then_expect_events(expected);
    }
    given(vec![created(), rendered(A), applied(A), confirmation_required()])
        .when(report(ReportedStatus::Applied))
        .then_expect_events(vec![applied(A)]);
}

// Reports.

#[test]
fn a_device_says_how_it_stands_to_the_archive() {
    let error = || ReportedStatus::Error(Some("no".to_owned()));
    let pending = || vec![created(), rendered(A)];
    given(pending()).when(report(ReportedStatus::Applied)).then_expect_events(vec![applied(A)]);
    given(pending()).when(report(error())).then_expect_events(vec![apply_failed("no")]);
    given(pending()).when(report(ReportedStatus::Modified)).then_expect_events(vec![]);
    given(vec![created(), rendered(A), applied(A)])
        .when(report(ReportedStatus::Modified))
        .then_expect_events(vec![ConfigurationEvent::ReportedModified {
            organization_id: organization(1),
        }]);
    given(vec![created(), rendered(A), apply_failed("no")])
        .when(report(ReportedStatus::Applied))
        .then_expect_events(vec![applied(A)]);
    given(vec![created(), rendered(A), applied(A)])
        .when(report(error()))
        .then_expect_events(vec![apply_failed("no")]);
}

#[test]
fn a_repeated_report_is_no_event() {
    given(vec![created(), rendered(A), applied(A)])
        .when(report(ReportedStatus::Applied))
        .then_expect_events(vec![]);
    given(vec![created(), rendered(A), apply_failed("no")])
        .when(report(ReportedStatus::Error(Some("no".to_owned()))))
        .then_expect_events(vec![]);
}

#[test]
fn a_later_error_replaces_the_reason() {
    given(vec![created(), rendered(A), apply_failed("no")])
        .when(report(ReportedStatus::Error(Some("why".to_owned()))))
        .then_expect_events(vec![apply_failed("why")]);
}

#[test]
fn leaving_the_error_clears_its_reason() {
    given(vec![created(), rendered(A), apply_failed("no"), applied(A)])
        .when(report(ReportedStatus::Error(Some("no".to_owned()))))
        .then_expect_events(vec![apply_failed("no")]);
}

#[test]
fn an_error_without_reason_says_so() {
    for reason in [None, Some(String::new()), Some("\0".to_owned())] {
        given(vec![created(), rendered(A)])
            .when(report(ReportedStatus::Error(reason)))
            .then_expect_events(vec![apply_failed("Reason not reported by the device.")]);
    }
}

#[test]
fn a_reason_of_1024_characters_is_kept_and_a_longer_one_is_cut_after_1012() {
    let said = |reason: String| {
        given(vec![created(), rendered(A)]).when(report(ReportedStatus::Error(Some(reason))))
    };
    let whole = "ä".repeat(1024);
    said(whole.clone()).then_expect_events(vec![apply_failed(&whole)]);

    let cut = format!("{}\n[truncated]", "ä".repeat(1012));
    assert_eq!(cut.chars().count(), 1024);
    said("ä".repeat(1025)).then_expect_events(vec![apply_failed(&cut)]);
    said("ä".repeat(100_000)).then_expect_events(vec![apply_failed(&cut)]);
}

#[test]
fn a_cut_reason_is_recognised_when_it_is_repeated() {
    let cut = format!("{}\n[truncated]", "x".repeat(1012));
    given(vec![created(), rendered(A), apply_failed(&cut)])
        .when(report(ReportedStatus::Error(Some("x".repeat(2000)))))
        .then_expect_events(vec![]);
}

#[test]
fn the_null_character_is_dropped_from_reasons() {
    given(vec![created(), rendered(A)])
        .when(report(ReportedStatus::Error(Some("n\0o".to_owned()))))
        .then_expect_events(vec![apply_failed("no")]);
}

#[test]
fn a_report_on_the_present_archive_counts() {
    given(vec![created(), rendered(A)])
        .when(report_on(A, ReportedStatus::Applied))
        .then_expect_events(vec![applied(A)]);
}

#[test]
fn a_report_on_an_archive_that_is_not_known_counts_for_the_present_one() {
    given(vec![created()]).when(report(ReportedStatus::Applied)).then_expect_events(vec![
        ConfigurationEvent::Applied { organization_id: organization(1), md5: None },
    ]);
}

#[test]
fn a_report_on_another_archive_is_recorded_and_the_status_stays() {
    let history = || vec![created(), rendered(A), rendered(B)];
    let error = || ReportedStatus::Error(None);
    let reason = "Reason not reported by the device.";
    for (status, event) in [
        (ReportedStatus::Applied, outdated("applied", None)),
        (ReportedStatus::Modified, outdated("modified", None)),
        (error(), outdated("error", Some(reason))),
    ] {
        given(history()).when(report_on(A, status.clone())).then_expect_events(vec![event.clone()]);
        given(history())
            .and(vec![event.clone()])
            .when(report_on(A, status))
            .then_expect_events(vec![]);
        given(history())
            .and(vec![event])
            .when(report_on(B, ReportedStatus::Applied))
            .then_expect_events(vec![applied(B)]);
    }
    given(history())
        .and(vec![outdated("applied", None)])
        .when(report_on(A, error()))
        .then_expect_events(vec![outdated("error", Some(reason))]);
}

#[test]
fn a_report_before_the_first_rendering_is_about_another_archive() {
    given(vec![created()])
        .when(report_on(A, ReportedStatus::Applied))
        .then_expect_events(vec![outdated("applied", None)]);
}

// Deactivation and activation.

#[test]
fn deactivation_takes_contents_and_templates_and_leaves_variables() {
    given(vec![created()])
        .when(ConfigurationCommand::Deactivate)
        .then_expect_events(vec![deactivating()]);
    let back = || given(vec![created(), deactivating(), deactivated(), activated(vec![])]);
    back().when(ConfigurationCommand::ChangeContents(Document::new())).then_expect_events(vec![]);
    back().when(ConfigurationCommand::AssignTemplates(vec![])).then_expect_events(vec![]);
    back().when(ConfigurationCommand::ChangeVariables(contents())).then_expect_events(vec![]);
}

#[test]
fn what_ends_or_ended_is_not_deactivated_again() {
    for history in [vec![created(), deactivating()], vec![created(), deactivating(), deactivated()]]
    {
        given(history).when(ConfigurationCommand::Deactivate).then_expect_events(vec![]);
    }
}

#[test]
fn what_did_not_end_is_not_activated() {
    given(vec![created()]).when(activate()).then_expect_events(vec![]);
}

#[test]
fn a_device_that_was_empty_before_is_deactivated_at_once() {
    given(vec![created(), rendered(A), deactivating()])
        .when(accept(A))
        .then_expect_events(vec![deactivated()]);
}

#[test]
fn a_device_that_was_not_empty_is_deactivated_when_it_says_anything() {
    let history = || given(vec![created(), rendered(A), deactivating(), rendered(B)]);
    history().when(accept(B)).then_expect_events(vec![]);
    for said in [
        report(ReportedStatus::Applied),
        report(ReportedStatus::Error(None)),
        report(ReportedStatus::Modified),
        report_on(A, ReportedStatus::Applied),
    ] {
        history().when(said.clone()).then_expect_events(vec![deactivated()]);
        history().and(vec![deactivated()]).when(said).then_expect_events(vec![]);
    }
}

#[test]
fn an_emptied_configuration_that_makes_an_archive_again_recovers_and_is_deactivated() {
    given(vec![created(), rendered(A), failed("no"), deactivating()])
        .when(accept(A))
        .then_expect_events(vec![recovered(A), deactivated()]);
}

#[test]
fn activation_that_changes_nothing_is_applied_at_once() {
    let ended = || given(vec![created(), rendered(A), deactivating(), rendered(B), deactivated()]);
    ended().when(activate()).then_expect_events(vec![activated(vec![template(3)])]);
    let active = || ended().and(vec![activated(vec![])]);
    active().when(accept(B)).then_expect_events(vec![applied(B)]);
    active().and(vec![applied(B)]).when(accept(B)).then_expect_events(vec![]);
}

#[test]
fn activation_that_changes_something_is_to_be_applied() {
    let history = || {
        given(vec![created(), rendered(B), deactivating(), deactivated()])
            .and(vec![activated(vec![template(3)])])
    };
    history().when(accept(A)).then_expect_events(vec![rendered(A)]);
    history().and(vec![rendered(A)]).when(accept(A)).then_expect_events(vec![]);
    history()
        .and(vec![rendered(A)])
        .when(report_on(A, ReportedStatus::Applied))
        .then_expect_events(vec![applied(A)]);
}

#[test]
fn a_device_that_is_still_being_emptied_may_be_activated() {
    given(vec![created(), rendered(A), deactivating()])
        .when(activate())
        .then_expect_events(vec![activated(vec![template(3)])]);
}

#[test]
fn a_failure_leaves_an_activation_undecided() {
    let history = || {
        given(vec![created(), rendered(A), deactivating(), deactivated(), activated(vec![])])
            .and(vec![failed("no")])
    };
    history().when(accept(A)).then_expect_events(vec![recovered(A), applied(A)]);
    let settled = || history().and(vec![recovered(A), applied(A)]);
    settled().when(fail("no")).then_expect_events(vec![failed("no")]);
}

#[test]
fn a_rename_while_an_activation_is_undecided_is_confirmed_by_the_device() {
    let history =
        || given(vec![created(), rendered(A), deactivating(), deactivated(), activated(vec![])]);
    history().when(confirm()).then_expect_events(vec![confirmation_required()]);
    let renamed = || history().and(vec![confirmation_required()]);
    renamed().when(confirm()).then_expect_events(vec![]);
    renamed().when(accept(A)).then_expect_events(vec![]);
    renamed().when(report(ReportedStatus::Applied)).then_expect_events(vec![applied(A)]);
}

#[test]
fn what_the_device_says_decides_an_activation_before_the_rendering_does() {
    let history =
        || given(vec![created(), rendered(A), deactivating(), deactivated(), activated(vec![])]);
    let failing = || history().and(vec![apply_failed("no")]);
    failing().when(accept(A)).then_expect_events(vec![]);
    failing().and(vec![confirmation_required()]).when(accept(A)).then_expect_events(vec![]);
}

#[test]
fn configurations_claim_nothing() {
    for event in [created(), moved(), rendered(A), removed()] {
        assert_eq!(event.claims(Uuid::nil()), []);
    }
}

// What the stories above are made of.

/// Two archives, named by the hashes of their contents.
const A: &str = "a";
const B: &str = "b";

fn nothing() -> AggregateTestExecutor<Configuration> {
    TestFramework::with(()).given_no_previous_events()
}

fn given(events: Vec<ConfigurationEvent>) -> AggregateTestExecutor<Configuration> {
    TestFramework::with(()).given(events)
}

/// A command for every value that can be changed by itself, and what comes of it on [`created`].
fn changes() -> Vec<(ConfigurationCommand, ConfigurationEvent)> {
    let organization_id = organization(1);
    let config = || object(json!({ "general": {} }));
    vec![
        (
            ConfigurationCommand::ChangeContents(config()),
            ConfigurationEvent::ContentsChanged { organization_id, config: config() },
        ),
        (
            ConfigurationCommand::ChangeVariables(config()),
            ConfigurationEvent::VariablesChanged { organization_id, variables: config() },
        ),
        (
            ConfigurationCommand::ChangeBackend(backend("netjsonconfig.OpenWisp")),
            ConfigurationEvent::BackendChanged {
                organization_id,
                from: backend("netjsonconfig.OpenWrt"),
                to: backend("netjsonconfig.OpenWisp"),
            },
        ),
        (
            ConfigurationCommand::AssignTemplates(vec![template(2)]),
            ConfigurationEvent::TemplatesChanged {
                organization_id,
                from: vec![template(1), template(2)],
                to: vec![template(2)],
            },
        ),
        (ConfigurationCommand::Move { to: organization(9), templates: vec![template(8)] }, moved()),
    ]
}

fn create(change: impl Fn(&mut CreateConfiguration)) -> ConfigurationCommand {
    let ConfigurationEvent::Created(created) = created() else { unreachable!() };
    let mut new = CreateConfiguration {
        device_id: created.device_id,
        organization_id: created.organization_id,
        backend: created.backend,
        config: created.config,
        variables: created.variables,
        templates: created.templates,
        defaults_position: created.defaults_position,
    };
    change(&mut new);
    ConfigurationCommand::Create(Box::new(new))
}

fn created() -> ConfigurationEvent {
    ConfigurationEvent::Created(Box::new(ConfigurationCreated {
        device_id: device(2),
        organization_id: organization(1),
        backend: backend("netjsonconfig.OpenWrt"),
        config: contents(),
        variables: contents(),
        templates: vec![template(1), template(2)],
        defaults_position: 10,
    }))
}

fn contents() -> Document {
    object(json!({ "a": 1, "b": 2 }))
}

fn moved() -> ConfigurationEvent {
    ConfigurationEvent::Moved {
        from: organization(1),
        to: organization(9),
        templates: vec![template(8)],
    }
}

fn removed() -> ConfigurationEvent {
    ConfigurationEvent::Removed { organization_id: organization(1) }
}

fn archive(content: &str) -> ArchiveRendered {
    ArchiveRendered {
        sha256: content.repeat(64),
        md5: content.repeat(32),
        size: 180,
        inputs_position: 12,
        renderer: 1,
    }
}

fn accept(content: &str) -> ConfigurationCommand {
    ConfigurationCommand::AcceptRendering(archive(content))
}

fn rendered(content: &str) -> ConfigurationEvent {
    ConfigurationEvent::Rendered { organization_id: organization(1), archive: archive(content) }
}

fn fail(reason: &str) -> ConfigurationCommand {
    ConfigurationCommand::AcceptFailure { inputs_position: 12, reason: reason.to_owned() }
}

fn failed(reason: &str) -> ConfigurationEvent {
    ConfigurationEvent::RenderingFailed {
        organization_id: organization(1),
        inputs_position: 12,
        reason: reason.to_owned(),
    }
}

fn recovered(content: &str) -> ConfigurationEvent {
    ConfigurationEvent::RenderingRecovered {
        organization_id: organization(1),
        inputs_position: archive(content).inputs_position,
    }
}

fn confirm() -> ConfigurationCommand {
    ConfigurationCommand::RequireConfirmation("device_renamed")
}

fn confirmation_required() -> ConfigurationEvent {
    ConfigurationEvent::ConfirmationRequired {
        organization_id: organization(1),
        reason: "device_renamed".to_owned(),
    }
}

fn report(status: ReportedStatus) -> ConfigurationCommand {
    ConfigurationCommand::Report { status, archive: DownloadedArchive::Unknown }
}

fn report_on(content: &str, status: ReportedStatus) -> ConfigurationCommand {
    ConfigurationCommand::Report { status, archive: DownloadedArchive::Known(archive(content).md5) }
}

fn applied(content: &str) -> ConfigurationEvent {
    ConfigurationEvent::Applied {
        organization_id: organization(1),
        md5: Some(archive(content).md5),
    }
}

fn apply_failed(reason: &str) -> ConfigurationEvent {
    ConfigurationEvent::ApplyFailed { organization_id: organization(1), reason: reason.to_owned() }
}

/// A report on the archive [`A`] when that is not the present one.
fn outdated(status: &str, reason: Option<&str>) -> ConfigurationEvent {
    ConfigurationEvent::ReportedOutdated {
        organization_id: organization(1),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        md5: archive(A).md5,
    }
}

fn deactivating() -> ConfigurationEvent {
    ConfigurationEvent::DeactivationStarted {
        organization_id: organization(1),
        templates: vec![template(1), template(2)],
    }
}

fn deactivated() -> ConfigurationEvent {
    ConfigurationEvent::Deactivated { organization_id: organization(1) }
}

fn activate() -> ConfigurationCommand {
    ConfigurationCommand::Activate { templates: vec![template(3)], defaults_position: 20 }
}

fn activated(templates: Vec<crate::TemplateId>) -> ConfigurationEvent {
    ConfigurationEvent::Activated {
        organization_id: organization(1),
        templates,
        defaults_position: 20,
    }
}

fn backend(name: &str) -> Backend {
    name.parse().expect("a backend's name")
}
