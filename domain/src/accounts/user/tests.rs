use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    Claim, ClaimChange, Fact, Sealed,
    authority::Role,
    kind,
    sample::{organization, sealed, user},
};

#[test]
fn an_account_is_opened_once() {
    nothing().when(create()).then_expect_events(vec![created(Some("mail"))]);
    given(vec![created(None)]).when(create()).then_expect_error(UserError::Exists);
}

#[test]
fn what_does_not_exist_cannot_be_changed() {
    for command in [
        UserCommand::ChangePassword(password()),
        issue("t"),
        revoke("t"),
        UserCommand::SetActive(false),
    ] {
        nothing().when(command).then_expect_error(UserError::Unknown);
    }
}

#[test]
fn another_password_may_be_set() {
    given(vec![created(None)]).when(UserCommand::ChangePassword(password())).then_expect_events(
        vec![UserEvent::PasswordChanged { user_id: user(7), password: password() }],
    );
}

#[test]
fn a_token_is_issued_and_revoked_once() {
    given(vec![created(None)]).when(issue("t")).then_expect_events(vec![issued("t")]);
    given(vec![created(None), issued("t")]).when(issue("t")).then_expect_events(vec![]);
    given(vec![created(None), issued("t")])
        .when(revoke("t"))
        .then_expect_events(vec![revoked("t")]);
    given(vec![created(None), issued("t"), revoked("t")])
        .when(revoke("t"))
        .then_expect_events(vec![]);
    given(vec![created(None)]).when(revoke("t")).then_expect_events(vec![]);
}

#[test]
fn an_account_holds_at_most_a_hundred_tokens() {
    let issued = |count: usize| (0..count).map(|number| issued(&number.to_string()));
    let full = || std::iter::once(created(None)).chain(issued(100));

    given(std::iter::once(created(None)).chain(issued(99)).collect())
        .when(issue("t"))
        .then_expect_events(vec![self::issued("t")]);
    given(full().collect()).when(issue("t")).then_expect_error(UserError::TooManyTokens);
    given(full().collect()).when(issue("42")).then_expect_events(vec![]);
    given(full().chain([revoked("42")]).collect())
        .when(issue("t"))
        .then_expect_events(vec![self::issued("t")]);
}

#[test]
fn an_account_works_until_it_is_disabled() {
    let disabled = || UserEvent::Disabled { user_id: user(7) };
    let enabled = UserEvent::Enabled { user_id: user(7) };
    let known = || given(vec![created(None)]);

    known().when(UserCommand::SetActive(true)).then_expect_events(vec![]);
    known().when(UserCommand::SetActive(false)).then_expect_events(vec![disabled()]);
    known().and(vec![disabled()]).when(UserCommand::SetActive(false)).then_expect_events(vec![]);
    known()
        .and(vec![disabled()])
        .when(UserCommand::SetActive(true))
        .then_expect_events(vec![enabled]);
}

#[test]
fn names_addresses_and_tokens_are_unique_everywhere() {
    let take = |kind, value: &str| ClaimChange::Take(Claim::new(kind, None, value));
    let claims = |event: UserEvent| {
        assert_eq!(event.organization(), None);
        event.claims(Uuid::nil())
    };
    assert_eq!(
        claims(created(Some("mail"))),
        [take(kind::USER_NAME, "ada-print"), take(kind::USER_EMAIL, "mail-print")]
    );
    assert_eq!(claims(created(None)), [take(kind::USER_NAME, "ada-print")]);
    assert_eq!(claims(issued("t")), [take(kind::USER_TOKEN, "t")]);
    assert_eq!(
        claims(revoked("t")),
        [ClaimChange::Release(Claim::new(kind::USER_TOKEN, None, "t"))]
    );
    assert_eq!(claims(UserEvent::Disabled { user_id: user(7) }), []);
}

#[test]
fn a_sealed_value_does_not_show_when_printed() {
    let printed = format!("{:?}", created(Some("mail")));
    assert!(printed.contains("Sealed(…)"), "{printed}");
    assert!(!printed.contains("print\"") && !printed.contains("$enc"), "{printed}");
}

// What the stories above are made of.

fn nothing() -> AggregateTestExecutor<User> {
    TestFramework::with(()).given_no_previous_events()
}

fn given(events: Vec<UserEvent>) -> AggregateTestExecutor<User> {
    TestFramework::with(()).given(events)
}

fn create() -> UserCommand {
    let UserEvent::Created(created) = created(Some("mail")) else { unreachable!() };
    UserCommand::Create(Box::new(CreateUser {
        id: created.user_id,
        username: created.username,
        email: created.email,
        password: created.password,
        superuser: created.superuser,
        staff: created.staff,
        roles: created.roles,
        memberships: created.memberships,
    }))
}

fn created(email: Option<&str>) -> UserEvent {
    UserEvent::Created(Box::new(UserCreated {
        user_id: user(7),
        username: sealed("ada", "n"),
        email: email.map(|email| sealed(email, "n")),
        password: None,
        superuser: false,
        staff: true,
        roles: vec![Role::Operator],
        memberships: vec![Membership { organization_id: organization(1), manager: true }],
    }))
}

fn password() -> Sealed {
    sealed("argon2", "n")
}

fn issue(token: &str) -> UserCommand {
    UserCommand::IssueToken(token.to_owned())
}

fn issued(token: &str) -> UserEvent {
    UserEvent::TokenIssued { user_id: user(7), token: token.to_owned() }
}

fn revoke(token: &str) -> UserCommand {
    UserCommand::RevokeToken(token.to_owned())
}

fn revoked(token: &str) -> UserEvent {
    UserEvent::TokenRevoked { user_id: user(7), token: token.to_owned() }
}
