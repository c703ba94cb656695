use chrono::{DateTime, NaiveDate, TimeDelta};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    Claim, ClaimChange, Fact, FieldError, Permissions, Problem, Sealed, TokenId,
    authority::{Role, TokenScope},
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
fn a_named_token_outlives_those_of_log_ins() {
    let named = |number: u128, name: &str| NamedToken {
        token_id: TokenId::from_uuid(Uuid::from_u128(number)),
        name: sealed(name, "n"),
        token: format!("hash-{number}"),
        scope: TokenScope::default(),
        expires_at: None,
    };
    let command = |token: NamedToken| UserCommand::IssueNamedToken(Box::new(token));
    let made = |token: NamedToken| UserEvent::NamedTokenIssued {
        user_id: user(7),
        token_id: token.token_id,
        name: token.name,
        token: token.token,
        scope: token.scope,
        expires_at: token.expires_at,
    };
    let ended = |tokens: &[&str]| UserEvent::TokensEnded {
        user_id: user(7),
        epoch: 1,
        tokens: tokens.iter().map(|token| (*token).to_owned()).collect(),
    };
    let known = || vec![created(None), issued("t"), made(named(1, "lab"))];
    given(vec![created(None)])
        .when(command(named(1, "lab")))
        .then_expect_events(vec![made(named(1, "lab"))]);
    given(known()).when(command(named(1, "lab"))).then_expect_events(vec![]);
    let rule = "is the name of another token of the account".to_owned();
    let taken = FieldError::new("name", Problem::Rule(rule));
    given(known()).when(command(named(2, "lab"))).then_expect_error(UserError::Invalid(taken));
    given(known()).when(UserCommand::EndTokens).then_expect_events(vec![ended(&["t"])]);
    given(known())
        .when(UserCommand::EndAllTokens)
        .then_expect_events(vec![ended(&["t", "hash-1"])]);
    let token_id = TokenId::from_uuid(Uuid::from_u128(1));
    let revoke = UserCommand::RevokeNamedToken(token_id);
    let revoked =
        UserEvent::NamedTokenRevoked { user_id: user(7), token_id, token: "hash-1".to_owned() };
    let mut after = known();
    after.push(ended(&["t"]));
    given(after).when(revoke.clone()).then_expect_events(vec![revoked]);
    let mut after = known();
    after.push(ended(&["t", "hash-1"]));
    given(after).when(revoke).then_expect_events(vec![]);
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

/// Commands that change a fresh account, each with what follows from it.
fn changes() -> Vec<(UserCommand, UserEvent)> {
    let user_id = user(7);
    vec![
        (
            UserCommand::Rename(sealed("eve", "m")),
            UserEvent::Renamed { user_id, from: "ada-print".into(), username: sealed("eve", "x") },
        ),
        (
            UserCommand::ChangeEmail(Some(sealed("new", "m"))),
            UserEvent::EmailChanged {
                user_id,
                from: None,
                email: Some(sealed("new", "x")),
                listed: false,
            },
        ),
        (
            UserCommand::ChangePhone(Some(sealed("+39", "m"))),
            UserEvent::PhoneChanged { user_id, from: None, phone: Some(sealed("+39", "x")) },
        ),
        (
            UserCommand::ChangeProfile([(ProfileField::Bio, Some(sealed("b", "m")))].into()),
            UserEvent::ProfileChanged {
                user_id,
                profile: [(ProfileField::Bio, Some(sealed("b", "x")))].into(),
            },
        ),
        (
            UserCommand::ChangePreferences { language: "de".into(), time_zone: String::new() },
            UserEvent::PreferencesChanged {
                user_id,
                language: "de".into(),
                time_zone: String::new(),
            },
        ),
        (
            UserCommand::SetExpiry(NaiveDate::from_ymd_opt(2030, 1, 31)),
            UserEvent::ExpiryChanged { user_id, expires_on: NaiveDate::from_ymd_opt(2030, 1, 31) },
        ),
        (UserCommand::SetStaff(false), UserEvent::StaffChanged { user_id, staff: false }),
        (UserCommand::SetSuperuser(true), UserEvent::SuperuserChanged { user_id, superuser: true }),
        (
            UserCommand::ChangeGroups(vec![]),
            UserEvent::GroupsChanged { user_id, from: vec![Role::Operator.group()], to: vec![] },
        ),
        (
            UserCommand::ChangePermissions(Permissions::all()),
            UserEvent::PermissionsChanged {
                user_id,
                from: Permissions::NONE,
                to: Permissions::all(),
            },
        ),
        (
            UserCommand::Join(belongs(2, false, false)),
            UserEvent::MembershipAdded { user_id, membership: belongs(2, false, false) },
        ),
        (
            UserCommand::SetManager { organization_id: organization(1), manager: false },
            UserEvent::MembershipChanged {
                user_id,
                organization_id: organization(1),
                manager: false,
            },
        ),
        (
            UserCommand::Leave(organization(1)),
            UserEvent::MembershipRemoved { user_id, organization_id: organization(1) },
        ),
        (
            UserCommand::TakeOwnership(organization(1)),
            UserEvent::OwnershipTaken { user_id, organization_id: organization(1) },
        ),
        (UserCommand::AddEmailAddress(address(4, false, true)), listed(address(4, false, true))),
    ]
}

#[test]
fn every_change_is_one_event_and_its_repetition_none() {
    for (command, event) in changes() {
        given(vec![created(None)]).when(command.clone()).then_expect_events(vec![event.clone()]);
        given(vec![created(None), event]).when(command.clone()).then_expect_events(vec![]);
        nothing().when(command.clone()).then_expect_error(UserError::Unknown);
        let removed = UserEvent::Removed { user_id: user(7) };
        given(vec![created(None), removed]).when(command).then_expect_error(UserError::Unknown);
    }
}

fn erase() -> UserCommand {
    UserCommand::Erase { user_id: user(7), last_address_number: 12 }
}

#[test]
fn people_are_erased_also_when_their_account_is_closed() {
    let erased = || UserEvent::Erased { user_id: user(7), last_address_number: 12 };
    let closed = || UserEvent::Removed { user_id: user(7) };
    given(vec![created(None)]).when(erase()).then_expect_events(vec![erased()]);
    given(vec![created(None), closed()]).when(erase()).then_expect_events(vec![erased()]);
    given(vec![]).when(erase()).then_expect_error(UserError::Unknown);
    // As the log has it afterwards: what was before is not there any more.
    for command in [UserCommand::EndTokens, UserCommand::Rename(sealed("eve", "m"))] {
        given(vec![erased()]).when(command).then_expect_error(UserError::Unknown);
    }
    given(vec![erased()]).when(UserCommand::Remove).then_expect_events(vec![]);
}

#[test]
fn an_owner_stays_a_manager_and_keeps_the_account() {
    let owned = || UserEvent::OwnershipTaken { user_id: user(7), organization_id: organization(1) };
    for command in [
        UserCommand::SetManager { organization_id: organization(1), manager: false },
        UserCommand::Join(belongs(1, false, false)),
        UserCommand::Leave(organization(1)),
        UserCommand::Remove,
        erase(),
    ] {
        given(vec![created(None), owned()]).when(command).then_expect_error(UserError::IsOwner);
    }
    let given_up =
        UserEvent::OwnershipGivenUp { user_id: user(7), organization_id: organization(1) };
    given(vec![created(None), owned()])
        .when(UserCommand::GiveUpOwnership(organization(1)))
        .then_expect_events(vec![given_up.clone()]);
    given(vec![created(None), owned(), given_up])
        .when(UserCommand::Remove)
        .then_expect_events(vec![UserEvent::Removed { user_id: user(7) }]);
}

#[test]
fn only_managers_own() {
    let joined =
        UserEvent::MembershipAdded { user_id: user(7), membership: belongs(2, false, false) };
    given(vec![created(None), joined])
        .when(UserCommand::TakeOwnership(organization(2)))
        .then_expect_error(UserError::NotAManager);
    given(vec![created(None)])
        .when(UserCommand::TakeOwnership(organization(2)))
        .then_expect_error(UserError::NotAMember);
    given(vec![created(None)])
        .when(UserCommand::Join(belongs(2, false, true)))
        .then_expect_error(UserError::NotAManager);
}

#[test]
fn one_verified_address_is_the_primary_one() {
    let user_id = user(7);
    let both =
        || vec![created(None), listed(address(4, true, true)), listed(address(5, false, false))];
    let primary = |number, primary| UserCommand::SetPrimaryEmailAddress { number, primary };
    let problem = crate::Problem::Rule("can only be set for a verified address".to_owned());
    let unverified = UserError::from(crate::FieldError::new("primary", problem));
    given(both()).when(primary(5, true)).then_expect_error(unverified.clone());
    given(both())
        .when(UserCommand::AddEmailAddress(address(6, false, true)))
        .then_expect_error(unverified);
    given(both()).when(primary(4, true)).then_expect_events(vec![]);
    given(both())
        .when(primary(4, false))
        .then_expect_events(vec![UserEvent::PrimaryEmailAddressChanged { user_id, number: None }]);

    let verified = UserEvent::EmailAddressVerified { user_id, number: 5 };
    given(both())
        .when(UserCommand::VerifyEmailAddress(5))
        .then_expect_events(vec![verified.clone()]);
    let mut moved = both();
    let changed = UserEvent::PrimaryEmailAddressChanged { user_id, number: Some(5) };
    moved.push(verified);
    given(moved.clone()).when(primary(5, true)).then_expect_events(vec![changed.clone()]);
    moved.push(changed);
    given(moved).when(primary(4, false)).then_expect_events(vec![]);
}

#[test]
fn an_address_that_is_spelt_differently_is_not_verified() {
    let user_id = user(7);
    let changed = UserEvent::EmailAddressChanged {
        user_id,
        number: 4,
        from: "4-print".into(),
        address: sealed("other", "n"),
        main: false,
    };
    let change = || UserCommand::ChangeEmailAddress { number: 4, address: sealed("other", "m") };
    let known = || vec![created(None), listed(address(4, true, false))];
    given(known()).when(change()).then_expect_events(vec![changed.clone()]);
    let mut after = known();
    after.push(changed);
    given(after.clone()).when(change()).then_expect_events(vec![]);
    given(after)
        .when(UserCommand::VerifyEmailAddress(4))
        .then_expect_events(vec![UserEvent::EmailAddressVerified { user_id, number: 4 }]);
    given(known())
        .when(UserCommand::VerifyEmailAddress(9))
        .then_expect_error(UserError::UnknownAddress);
}

#[test]
fn an_address_is_listed_once() {
    let known = || given(vec![created(None), listed(address(4, true, false))]);
    let spelt = |number, as_: u32| EmailAddress {
        address: sealed(&as_.to_string(), "m"),
        ..address(number, false, false)
    };
    for twice in [spelt(5, 4), spelt(4, 5)] {
        known()
            .when(UserCommand::AddEmailAddress(twice))
            .then_expect_error(UserError::AddressListed);
    }
    given(vec![created(None), listed(address(4, true, false)), listed(address(5, true, false))])
        .when(UserCommand::ChangeEmailAddress { number: 5, address: sealed("4", "m") })
        .then_expect_error(UserError::AddressListed);
    known().when(UserCommand::RemoveEmailAddress(4)).then_expect_events(vec![
        UserEvent::EmailAddressRemoved {
            user_id: user(7),
            number: 4,
            from: "4-print".to_owned(),
            main: false,
        },
    ]);
    known().when(UserCommand::RemoveEmailAddress(5)).then_expect_events(vec![]);
}

#[test]
fn all_tokens_end_at_once_and_the_epoch_goes_on() {
    let ended = |epoch, tokens: &[&str]| UserEvent::TokensEnded {
        user_id: user(7),
        epoch,
        tokens: tokens.iter().map(|token| (*token).to_owned()).collect(),
    };
    let known = || vec![created(None), issued("s"), issued("t"), revoked("s")];
    given(known()).when(UserCommand::EndTokens).then_expect_events(vec![ended(1, &["t"])]);
    let mut after = known();
    after.push(ended(1, &["t"]));
    given(after).when(UserCommand::EndTokens).then_expect_events(vec![ended(2, &[])]);
    assert_eq!(
        ended(1, &["t"]).claims(Uuid::nil()),
        [ClaimChange::Release(Claim::new(kind::USER_TOKEN, None, "t"))]
    );
}

#[test]
fn an_organization_has_one_owner() {
    let owner = || Claim::new(kind::ORGANIZATION_OWNER, Some(organization(1).as_uuid()), "owner");
    let (user_id, organization_id) = (user(7), organization(1));
    let taken = UserEvent::OwnershipTaken { user_id, organization_id };
    assert_eq!(taken.claims(Uuid::nil()), [ClaimChange::Take(owner())]);
    assert_eq!(taken.organization(), Some(organization_id));
    let given_up = UserEvent::OwnershipGivenUp { user_id, organization_id };
    assert_eq!(given_up.claims(Uuid::nil()), [ClaimChange::Release(owner())]);
    let added = UserEvent::MembershipAdded { user_id, membership: belongs(1, true, true) };
    assert_eq!(added.claims(Uuid::nil()), [ClaimChange::Take(owner())]);
    let removed = UserEvent::Removed { user_id };
    assert_eq!(removed.claims(Uuid::nil()), [ClaimChange::ReleaseAll]);
}

#[test]
fn personal_details_are_checked_before_they_are_sealed() {
    let checked = |field: ProfileField, value: &str| field.checked(value);
    assert_eq!(checked(ProfileField::FirstName, " Ada "), Ok(Some("Ada".to_owned())));
    assert_eq!(checked(ProfileField::Bio, "  "), Ok(None));
    assert!(checked(ProfileField::Company, &"c".repeat(31)).is_err());
    assert!(checked(ProfileField::BirthDate, "1990-12-10").is_ok());
    assert!(checked(ProfileField::BirthDate, "1.2.1990").is_err());
    for url in ["https://example.org/ada", "http://localhost:8000", "http://[::1]/"] {
        assert!(checked(ProfileField::Url, url).is_ok(), "{url}");
    }
    for url in ["nope", "https://", "javascript:alert(1)", "https://a b.org", "http://x"] {
        assert!(checked(ProfileField::Url, url).is_err(), "{url}");
    }
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
        [
            take(kind::USER_NAME, "ada-print"),
            take(kind::USER_EMAIL, "mail-print"),
            take(kind::USER_EMAIL_ADDRESS, "mail-print"),
        ]
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
fn an_address_is_the_accounts_as_long_as_it_is_its_own_or_listed() {
    let user_id = user(7);
    let (own, further) = (|| sealed("own", "n"), || sealed("further", "n"));
    let listing = EmailAddress { address: own(), ..address(4, true, false) };
    let mut known = vec![created(Some("own")), listed(listing)];
    let release = |value: &str| {
        ClaimChange::Release(Claim::new(kind::USER_EMAIL_ADDRESS, None, format!("{value}-print")))
    };

    // What is listed still, or still the account's own, is not given back.
    let removed = |main| UserEvent::EmailAddressRemoved {
        user_id,
        number: 4,
        from: "own-print".to_owned(),
        main,
    };
    given(known.clone())
        .when(UserCommand::RemoveEmailAddress(4))
        .then_expect_events(vec![removed(true)]);
    assert_eq!(removed(true).claims(Uuid::nil()), []);
    let changed = UserEvent::EmailChanged {
        user_id,
        from: Some("own-print".to_owned()),
        email: Some(further()),
        listed: true,
    };
    given(known.clone())
        .when(UserCommand::ChangeEmail(Some(further())))
        .then_expect_events(vec![changed.clone()]);
    let claims = changed.claims(Uuid::nil());
    assert!(!claims.contains(&release("own")), "{claims:?}");
    known.push(changed);
    given(known).when(UserCommand::RemoveEmailAddress(4)).then_expect_events(vec![removed(false)]);
    assert_eq!(removed(false).claims(Uuid::nil()), [release("own")]);
}

#[test]
fn a_sealed_value_does_not_show_when_printed() {
    let printed = format!("{:?}", created(Some("mail")));
    assert!(printed.contains("Sealed(…)"), "{printed}");
    assert!(!printed.contains("print\"") && !printed.contains("$enc"), "{printed}");
}

#[test]
fn a_link_works_once_in_its_time_for_its_purpose_address_and_password() {
    let (user_id, now) = (user(7), DateTime::UNIX_EPOCH);
    let link = |purpose, token: &str, address: &str| IssuedLink {
        purpose,
        token: token.to_owned(),
        address: address.to_owned(),
        expires_at: now + TimeDelta::hours(1),
    };
    let reset = || link(LinkPurpose::PasswordReset, "t", "mail-print");
    let issued = |link| UserEvent::LinkIssued { user_id, link };
    let used = |purpose, token: &str| UserEvent::LinkUsed { user_id, purpose, token: token.into() };
    let open = |purpose, token: &str, minutes| UserCommand::UseLink {
        purpose,
        token: token.to_owned(),
        now: now + TimeDelta::minutes(minutes),
    };
    let known = || vec![created(Some("mail")), listed(address(4, false, true)), issued(reset())];

    let fresh = || vec![created(Some("mail"))];
    given(fresh()).when(UserCommand::IssueLink(reset())).then_expect_events(vec![issued(reset())]);
    given(known()).when(UserCommand::IssueLink(reset())).then_expect_events(vec![]);
    given(fresh())
        .when(UserCommand::IssueLink(link(LinkPurpose::LogIn, "u", "other-print")))
        .then_expect_error(UserError::UnknownAddress);

    let purpose = LinkPurpose::PasswordReset;
    given(known()).when(open(purpose, "t", 59)).then_expect_events(vec![used(purpose, "t")]);
    for wrong in [
        open(purpose, "t", 60),
        open(purpose, "u", 0),
        open(LinkPurpose::LogIn, "t", 0),
        open(LinkPurpose::Confirmation, "t", 0),
    ] {
        given(known()).when(wrong).then_expect_error(UserError::InvalidLink);
    }
    for ending in [
        used(purpose, "t"),
        UserEvent::PasswordChanged { user_id, password: password() },
        UserEvent::EmailChanged { user_id, from: None, email: None, listed: false },
    ] {
        given(known())
            .and(vec![ending])
            .when(open(purpose, "t", 0))
            .then_expect_error(UserError::InvalidLink);
    }
    given(known())
        .and(vec![UserEvent::PasswordRehashed { user_id, password: password() }])
        .when(open(purpose, "t", 0))
        .then_expect_events(vec![used(purpose, "t")]);

    let confirmation = LinkPurpose::Confirmation;
    let mut sent = known();
    sent.push(issued(link(confirmation, "c", "4-print")));
    given(sent.clone()).when(open(confirmation, "c", 0)).then_expect_events(vec![
        used(confirmation, "c"),
        UserEvent::EmailAddressVerified { user_id, number: 4 },
    ]);
    sent.push(UserEvent::EmailAddressRemoved {
        user_id,
        number: 4,
        from: "4-print".to_owned(),
        main: false,
    });
    given(sent).when(open(confirmation, "c", 0)).then_expect_error(UserError::InvalidLink);
    // Mail to the account reaches it, but there is nothing to confirm.
    let mut unlisted = fresh();
    unlisted.push(issued(link(confirmation, "c", "mail-print")));
    given(unlisted).when(open(confirmation, "c", 0)).then_expect_error(UserError::InvalidLink);
}

#[test]
fn a_few_links_of_a_kind_work_at_a_time() {
    let (user_id, now) = (user(7), DateTime::UNIX_EPOCH);
    let mut events = vec![created(Some("mail"))];
    for token in ["1", "2", "3", "4"] {
        let link = IssuedLink {
            purpose: LinkPurpose::LogIn,
            token: token.to_owned(),
            address: "mail-print".to_owned(),
            expires_at: now + TimeDelta::hours(1),
        };
        events.push(UserEvent::LinkIssued { user_id, link });
    }
    let purpose = LinkPurpose::LogIn;
    let open = |token: &str| UserCommand::UseLink { purpose, token: token.to_owned(), now };
    given(events.clone()).when(open("1")).then_expect_error(UserError::InvalidLink);
    for token in ["2", "3", "4"] {
        let used = UserEvent::LinkUsed { user_id, purpose, token: token.to_owned() };
        given(events.clone()).when(open(token)).then_expect_events(vec![used]);
    }
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
        phone: created.phone,
        password: created.password,
        password_since: created.password_since,
        superuser: created.superuser,
        staff: created.staff,
        active: !created.disabled,
        groups: created.groups,
        permissions: created.permissions,
        memberships: created.memberships,
        profile: created.profile,
        language: created.language,
        time_zone: created.time_zone,
        expires_on: created.expires_on,
        addresses: created.addresses,
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
        roles: vec![],
        memberships: vec![belongs(1, true, false)],
        groups: vec![Role::Operator.group()],
        permissions: Permissions::NONE,
        phone: None,
        profile: Profile::new(),
        language: String::new(),
        time_zone: String::new(),
        expires_on: None,
        addresses: vec![],
        disabled: false,
        password_since: None,
    }))
}

fn belongs(number: u128, manager: bool, owner: bool) -> Membership {
    Membership { organization_id: organization(number), manager, owner }
}

fn address(number: u32, verified: bool, primary: bool) -> EmailAddress {
    EmailAddress { number, address: sealed(&number.to_string(), "n"), verified, primary }
}

fn listed(address: EmailAddress) -> UserEvent {
    UserEvent::EmailAddressAdded { user_id: user(7), address }
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
