//! Accounts, memberships and permission groups through the use cases.

use app::{
    Account, By, Failure, NewMembership, NewUser, PermissionGroupChange, Refusal, UserChange,
};
use domain::{
    OrganizationId, Permission, PermissionGroupId, Permissions, UserId,
    accounts::{Membership, ProfileField},
    authority::Role,
    kind,
};
use projections::{Order, Page, accounts::UserFilter};
use uuid::Uuid;

use crate::{
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, World, on_each_database},
};

const ALL: Page = Page { limit: 100, offset: 0 };

#[test]
fn everything_of_an_account_comes_back_as_it_was_given() -> Outcome {
    on_each_database(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        world.app.permission_groups().found(&by).await?;
        let new = NewUser {
            email: Some("Ada@Example.org".to_owned()),
            email_verified: Some(true),
            phone: Some("+39 333 123 4501".to_owned()),
            password: Some("Correct-Horse-7".into()),
            staff: true,
            groups: vec![Role::Operator.number()],
            memberships: vec![manages(HARBOUR), belongs(HILLS)],
            profile: vec![
                (ProfileField::FirstName, "Ada".to_owned()),
                (ProfileField::BirthDate, "1990-12-10".to_owned()),
                (ProfileField::Notes, String::new()),
            ],
            language: "it".to_owned(),
            ..NewUser::new(id(1), "ada")
        };
        accounts.create(&by, new).await?;

        let ada = accounts.get(&by, id(1)).await?;
        assert_eq!((ada.username.as_str(), ada.email.as_deref()), ("ada", Some("Ada@Example.org")));
        assert_eq!(ada.phone.as_deref(), Some("+393331234501"));
        assert_eq!(ada.groups, [(Role::Operator.group(), 2)]);
        assert_eq!(ada.profile[&ProfileField::BirthDate], "1990-12-10");
        assert!(!ada.profile.contains_key(&ProfileField::Notes) && ada.language == "it");
        assert_eq!(places(&ada), [owner(HARBOUR), member(HILLS)], "the first manager owns");
        let addresses = accounts.addresses(&by, id(1)).await?;
        assert_eq!(addresses.len(), 1);
        assert!(addresses[0].verified && addresses[0].primary && addresses[0].number == 1);

        // All three are one account, and one token.
        let token = accounts.log_in("ada", "Correct-Horse-7").await?;
        for login in ["ada@example.ORG", "+39 333 123-4501", "+393331234501"] {
            assert_eq!(accounts.log_in(login, "Correct-Horse-7").await?, token, "{login}");
        }
        assert!(matches!(
            accounts.log_in("Ada", "Correct-Horse-7").await,
            Err(Failure::Unauthenticated)
        ));

        let change = UserChange {
            username: Some("ada2".to_owned()),
            email: Some(String::new()),
            profile: vec![
                (ProfileField::FirstName, String::new()),
                (ProfileField::Bio, "b".to_owned()),
            ],
            ..UserChange::default()
        };
        accounts.change(&by, id(1), change).await?;
        let ada = accounts.get(&by, id(1)).await?;
        assert_eq!((ada.username.as_str(), ada.email), ("ada2", None));
        assert!(!ada.profile.contains_key(&ProfileField::FirstName));
        assert_eq!(ada.profile[&ProfileField::Bio], "b");
        Ok(())
    })
}

#[test]
fn names_addresses_and_numbers_belong_to_one_account() -> Outcome {
    on_each_database(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        let new = |number, name: &str, email: &str| NewUser {
            email: Some(email.to_owned()),
            email_verified: Some(false),
            ..NewUser::new(id(number), name)
        };
        accounts.create(&by, new(1, "ada", "ada@example.org")).await?;
        let refused = accounts.create(&by, new(2, "ada", "ADA@example.org")).await;
        assert_eq!(taken(refused), [kind::USER_NAME, kind::USER_EMAIL, kind::USER_EMAIL_ADDRESS]);
        accounts.create(&by, new(2, "bob", "bob@example.org")).await?;
        let refused = accounts.add_address(&by, id(2), "ada@example.org", false).await;
        assert_eq!(taken(refused), [kind::USER_EMAIL_ADDRESS]);

        // Numbers are given once, also when what had them is gone.
        let (third, _) = accounts.add_address(&by, id(2), "bob2@example.org", false).await?;
        assert_eq!(third, 3);
        accounts.remove_address(&by, id(2), third).await?;
        accounts.remove(&by, id(1)).await?;
        assert!(matches!(accounts.get(&by, id(1)).await, Err(Failure::NotFound(_))));
        accounts.create(&by, new(4, "ada", "ada@example.org")).await?;
        assert_eq!(accounts.addresses(&by, id(4)).await?[0].number, 4);

        let invalid = NewUser {
            email: Some("nope".to_owned()),
            phone: Some("12".to_owned()),
            ..NewUser::new(id(5), "a b")
        };
        let Err(Failure::Invalid(errors)) = accounts.create(&by, invalid).await else {
            panic!("three values are wrong");
        };
        let fields: Vec<_> = errors.iter().map(|error| error.field).collect();
        assert_eq!(fields, ["username", "email", "phone_number"]);
        Ok(())
    })
}

#[test]
fn an_address_is_one_accounts_whether_it_is_listed_or_its_own() -> Outcome {
    on_each_database(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        let new = |number, name: &str, email: &str| NewUser {
            email: Some(email.to_owned()),
            ..NewUser::new(id(number), name)
        };
        let change =
            |email: &str| UserChange { email: Some(email.to_owned()), ..UserChange::default() };
        accounts.create(&by, new(1, "ada", "ada@example.org")).await?;
        accounts.create(&by, new(2, "bob", "bob@example.org")).await?;
        // Nobody lists what somebody else logs in with.
        let refused = accounts.add_address(&by, id(2), "Ada@example.org", false).await;
        assert_eq!(taken(refused), [kind::USER_EMAIL_ADDRESS]);
        let (number, _) = accounts.add_address(&by, id(2), "both@example.org", false).await?;
        let spelt = app::AddressChange { address: Some("ada@example.org"), ..Default::default() };
        let refused = accounts.change_address(&by, id(2), number, spelt).await;
        assert_eq!(taken(refused), [kind::USER_EMAIL_ADDRESS]);
        // Nobody logs in with what somebody else lists.
        let refused = accounts.create(&by, new(3, "eve", "BOTH@example.org")).await;
        assert_eq!(taken(refused), [kind::USER_EMAIL_ADDRESS]);
        let refused = accounts.change(&by, id(1), change("both@example.org")).await;
        assert_eq!(taken(refused), [kind::USER_EMAIL_ADDRESS]);

        // What is both is theirs until it is neither.
        let (own, _) = accounts.add_address(&by, id(2), "bob@example.org", false).await?;
        accounts.remove_address(&by, id(2), own).await?;
        let refused = accounts.add_address(&by, id(1), "bob@example.org", false).await;
        assert_eq!(taken(refused), [kind::USER_EMAIL_ADDRESS]);
        accounts.change(&by, id(2), change("both@example.org")).await?;
        accounts.change(&by, id(2), change("bob@example.org")).await?;
        accounts.create(&by, new(3, "eve", "both@example.org")).await?;
        accounts.remove(&by, id(3)).await?;
        accounts.add_address(&by, id(1), "both@example.org", false).await?;
        Ok(())
    })
}

#[test]
fn a_name_is_the_same_in_all_its_spellings() -> Outcome {
    on_each_database(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        let word = "Correct-Horse-7";
        let new = |number, name: &str| NewUser {
            password: Some(word.into()),
            ..NewUser::new(id(number), name)
        };
        // The accent stands by itself.
        accounts.create(&by, new(1, "Jose\u{301}")).await?;
        assert_eq!(accounts.get(&by, id(1)).await?.username, "José");
        for same in ["José", "Jose\u{301}", "Ｊosé"] {
            accounts.log_in(same, word).await?;
            assert_eq!(
                taken(accounts.create(&by, new(2, same)).await),
                [kind::USER_NAME],
                "{same}"
            );
            let search = Some(same);
            let filter = UserFilter::default();
            let found = accounts.list(&by, search, filter, Order::OldestFirst, ALL).await?;
            assert_eq!(found.count, 1, "{same}");
        }
        let other = accounts.log_in("Jose", word).await;
        assert!(matches!(other, Err(Failure::Unauthenticated)), "{other:?}");
        accounts.create(&by, new(2, "eve")).await?;
        let rename =
            |name: &str| UserChange { username: Some(name.to_owned()), ..UserChange::default() };
        assert_eq!(taken(accounts.change(&by, id(2), rename("Ｊosé")).await), [kind::USER_NAME]);
        accounts.change(&by, id(2), rename("ｅｖｅ２")).await?;
        accounts.log_in("eve2", word).await?;
        Ok(())
    })
}

#[test]
fn what_cannot_be_is_not_stored() -> Outcome {
    on_each_database(async |world| {
        let accounts = world.app.accounts();
        let by = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let domain::Actor::User(own) = by.authority.actor else { return Err("a person".into()) };
        let with = |change: UserChange| async { accounts.change(&by, own, change).await };
        let born = |day: &str| UserChange {
            profile: vec![(ProfileField::BirthDate, day.to_owned())],
            ..UserChange::default()
        };
        let language =
            |tag: &str| UserChange { language: Some(tag.to_owned()), ..UserChange::default() };
        let zone =
            |name: &str| UserChange { time_zone: Some(name.to_owned()), ..UserChange::default() };
        for (change, wrong) in [
            (zone("Mars/Base"), "time_zone"),
            (language("en_GB!"), "language"),
            (born("2090-01-01"), "birth_date"),
            (born("1899-12-31"), "birth_date"),
            (born("yesterday"), "birth_date"),
        ] {
            assert_eq!(field(with(change).await), wrong);
        }
        for change in [zone("europe/rome"), language("de-AT"), born("1990-12-10")] {
            with(change).await?;
        }
        let seen = accounts.get(&by, own).await?;
        assert_eq!((seen.time_zone.as_str(), seen.language.as_str()), ("Europe/Rome", "de-AT"));
        let new = NewUser { time_zone: "Mars".to_owned(), ..NewUser::new(id(5), "eve") };
        assert_eq!(field(accounts.create(&World::by(), new).await), "time_zone");

        // One's own last day is somebody else's to say.
        let day = |text: &str| Some(text.parse().ok());
        let expiry = |expires_on| UserChange { expires_on, ..UserChange::default() };
        accounts.change(&World::by(), own, expiry(day("2090-01-31"))).await?;
        assert_eq!(field(with(expiry(day("2091-01-31"))).await), "expires_on");
        assert_eq!(field(with(expiry(Some(None))).await), "expires_on");
        // What stays says nothing.
        with(expiry(day("2090-01-31"))).await?;
        Ok(())
    })
}

#[test]
fn a_manager_reaches_people_of_organizations_that_they_manage() -> Outcome {
    on_each_database(async |world| {
        let accounts = world.app.accounts();
        let manager = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let operator = account(world, 2, &[Role::Operator], &[(HARBOUR, true)]).await?;
        let stranger = account(world, 3, &[Role::Administrator], &[(HILLS, true)]).await?;
        for (number, memberships) in [
            (11, vec![belongs(HARBOUR)]),
            (12, vec![belongs(HARBOUR), belongs(HILLS)]),
            (13, vec![belongs(HILLS)]),
        ] {
            let new = NewUser { memberships, ..NewUser::new(id(number), format!("p{number}")) };
            accounts.create(&World::by(), new).await?;
        }
        let root = NewUser {
            superuser: true,
            memberships: vec![belongs(HARBOUR)],
            ..NewUser::new(id(14), "root")
        };
        accounts.create(&World::by(), root).await?;

        let seen =
            accounts.list(&manager, None, UserFilter::default(), Order::OldestFirst, ALL).await?;
        let ids: Vec<_> = seen.rows.iter().map(|account| account.id).collect();
        assert_eq!(ids, [id(101), id(102), id(11), id(12)], "no superuser, no stranger");
        let both = seen.rows.last().expect("four");
        assert_eq!(places(both), [member(HARBOUR)], "what is elsewhere is not theirs to see");
        for hidden in [id(13), id(14), id(103), id(999)] {
            let found = accounts.get(&manager, hidden).await;
            assert!(matches!(found, Err(Failure::NotFound(_))), "{hidden}");
            let changed = accounts.change(&manager, hidden, named("x")).await;
            assert!(matches!(changed, Err(Failure::NotFound(_))), "{hidden}");
            let removed = accounts.remove(&manager, hidden).await;
            assert!(matches!(removed, Err(Failure::NotFound(_))), "{hidden}");
        }
        for nobody in [&operator] {
            assert!(matches!(accounts.get(nobody, id(11)).await, Err(Failure::Forbidden)));
            assert!(matches!(accounts.remove(nobody, id(11)).await, Err(Failure::Forbidden)));
        }

        accounts.change(&manager, id(11), named("changed")).await?;
        let elsewhere = accounts.change(&manager, id(12), named("x")).await;
        assert!(matches!(elsewhere, Err(Failure::Forbidden)), "the account is the hills', too");
        let place = UserChange { membership: Some(manages(HARBOUR)), ..UserChange::default() };
        accounts.change(&manager, id(12), place).await?;
        let both = accounts.get(&World::by(), id(12)).await?;
        assert_eq!(places(&both), [manager_of(HARBOUR), member(HILLS)]);
        let foreign = UserChange { membership: Some(manages(HILLS)), ..UserChange::default() };
        let refused = accounts.change(&manager, id(12), foreign).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");

        // The owner is changed by nobody but superusers.
        let demoted = UserChange { membership: Some(belongs(HARBOUR)), ..UserChange::default() };
        for (actor, owner) in [(&stranger, id(101)), (&manager, id(103))] {
            let refused = accounts.change(actor, owner, demoted.clone()).await;
            assert!(matches!(refused, Err(Failure::NotFound(_))), "{refused:?}");
        }
        let second = account(world, 4, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        for change in [demoted, named("x")] {
            let refused = accounts.change(&second, id(101), change).await;
            assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        }
        let gone = accounts.remove(&World::by(), id(101)).await;
        assert!(matches!(gone, Err(Failure::Refused(Refusal::IsOwner))), "{gone:?}");

        let refused = accounts.hand_over(&second, HARBOUR, id(104)).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        accounts.hand_over(&manager, HARBOUR, id(104)).await?;
        assert_eq!(places(&accounts.get(&World::by(), id(104)).await?), [owner(HARBOUR)]);
        assert_eq!(places(&accounts.get(&World::by(), id(101)).await?), [manager_of(HARBOUR)]);
        accounts.leave(&second, id(101), HARBOUR).await?;
        assert!(places(&accounts.get(&World::by(), id(101)).await?).is_empty());
        Ok(())
    })
}

#[test]
fn nobody_gives_what_they_do_not_have() -> Outcome {
    on_each_database(async |world| {
        let (accounts, groups) = (world.app.accounts(), world.app.permission_groups());
        let manager = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let by = World::by();
        let mighty = Permissions::NONE.with(Permission::ViewLog);
        let (mighty, _) = groups.create(&by, group(1), "Mighty", mighty).await?;
        let modest = Permissions::NONE.with(Permission::AddTemplate);
        let (modest, _) = groups.create(&by, group(2), "Modest", modest).await?;
        assert_eq!((mighty, modest), (3, 4), "after the two of the installation");

        let new = |number: u128, numbers: &[u32]| NewUser {
            groups: numbers.to_vec(),
            memberships: vec![belongs(HARBOUR)],
            ..NewUser::new(id(number), format!("p{number}"))
        };
        let refused = accounts.create(&manager, new(11, &[mighty])).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        accounts.create(&manager, new(11, &[modest])).await?;
        let to =
            |groups: &[u32]| UserChange { groups: Some(groups.to_vec()), ..UserChange::default() };
        let refused = accounts.change(&manager, id(11), to(&[modest, mighty])).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        accounts.change(&manager, id(11), to(&[])).await?;
        let own = accounts.change(&manager, id(101), to(&[modest])).await;
        assert!(matches!(own, Err(Failure::Refused(Refusal::OwnPermissions))), "{own:?}");
        for (superuser, permissions) in [(Some(true), None), (None, Some(Permissions::NONE))] {
            let change = UserChange { superuser, permissions, ..UserChange::default() };
            let refused = accounts.change(&manager, id(11), change).await;
            assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        }
        let nowhere = NewUser { memberships: vec![], ..new(12, &[]) };
        let refused = accounts.create(&manager, nowhere).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");

        // Groups are the installation's: read by managers, changed by superusers, at work at once.
        assert_eq!(groups.list(&manager, ALL).await?.count, 4);
        let change = PermissionGroupChange { name: Some("x".to_owned()), permissions: None };
        let refused = groups.change(&manager, group(2), change).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        let less = Role::Administrator.permissions().without(Permissions::all());
        let change = PermissionGroupChange { name: None, permissions: Some(less) };
        groups.change(&by, Role::Administrator.group(), change).await?;
        let manager = world.app.accounts().authenticate(TOKEN_OF_THE_FIRST).await?;
        let refused = accounts.get(&By::new(manager, None), id(11)).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        // What somebody took away stays away at the next start.
        groups.found(&by).await?;
        assert_eq!(groups.by_number(&by, 1).await?.permissions, Permissions::NONE);
        Ok(())
    })
}

#[test]
fn a_changed_password_ends_all_tokens() -> Outcome {
    on_each_database(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        let new = |number, name: &str, memberships| NewUser {
            password: Some("Correct-Horse-7".into()),
            memberships,
            ..NewUser::new(id(number), name)
        };
        accounts.create(&by, new(1, "ada", vec![belongs(HARBOUR)])).await?;
        let first = accounts.log_in("ada", "Correct-Horse-7").await?;
        let ada = By::new(accounts.authenticate(&first).await?, None);

        let change = |by: By, current: Option<&'static str>, new: &'static str| async move {
            let current = current.map(Into::into);
            world
                .app
                .accounts()
                .change_password(&by, id(1), current, new.into(), "new_password")
                .await
        };
        for current in [None, Some("wrong"), Some("")] {
            let refused = change(ada.clone(), current, "Battery-Staple-8").await;
            let wrong = matches!(refused, Err(Failure::Refused(Refusal::WrongPassword)));
            assert!(wrong, "{current:?}: {refused:?}");
        }
        let same = change(ada.clone(), Some("Correct-Horse-7"), "Correct-Horse-7").await;
        assert!(matches!(same, Err(Failure::Refused(Refusal::SamePassword))), "{same:?}");
        for new in ["short", "1234567890", "ada"] {
            let refused = change(ada.clone(), Some("Correct-Horse-7"), new).await;
            assert_eq!(field(refused), "new_password", "{new}");
        }
        change(ada, Some("Correct-Horse-7"), "Battery-Staple-8").await?;
        assert!(matches!(accounts.authenticate(&first).await, Err(Failure::Unauthenticated)));
        let second = accounts.log_in("ada", "Battery-Staple-8").await?;
        assert_ne!(first, second);

        // A manager sets it without knowing it, where all of the person's organizations are theirs.
        let manager = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        change(manager.clone(), None, "Third-Word-9").await?;
        assert!(matches!(accounts.authenticate(&second).await, Err(Failure::Unauthenticated)));
        accounts.create(&by, new(2, "eve", vec![belongs(HARBOUR), belongs(HILLS)])).await?;
        let word = || "Third-Word-9".into();
        let refused = accounts.change_password(&manager, id(2), None, word(), "new_password").await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");

        // Whose rights are more than the manager's is out of reach, whatever the manager may do with accounts.
        let modest = Permissions::NONE.with(Permission::ChangeUser).with(Permission::ViewUser);
        let (people, _) =
            world.app.permission_groups().create(&by, group(7), "People", modest).await?;
        let helper = NewUser {
            token: Some("token-of-the-helper-of-people".into()),
            groups: vec![people],
            memberships: vec![manages(HARBOUR)],
            ..NewUser::new(id(20), "helper")
        };
        accounts.create(&by, helper).await?;
        let helper = By::new(accounts.authenticate("token-of-the-helper-of-people").await?, None);
        let colleague = NewUser { groups: vec![2], ..new(21, "col", vec![manages(HARBOUR)]) };
        accounts.create(&by, colleague).await?;
        let refused = accounts.change_password(&helper, id(21), None, word(), "new_password").await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        for change in [named("x"), UserChange { groups: Some(vec![]), ..UserChange::default() }] {
            let refused = accounts.change(&helper, id(21), change).await;
            assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        }
        accounts
            .change_password(&helper, id(1), None, "Fourth-Word-1".into(), "new_password")
            .await?;
        accounts
            .change_password(&manager, id(1), None, "Fifth-Word-5".into(), "new_password")
            .await?;

        // The deactivated and the expired are refused with whatever they have.
        let third = accounts.log_in("ada", "Fifth-Word-5").await?;
        let inactive = UserChange { active: Some(false), ..UserChange::default() };
        accounts.change(&manager, id(1), inactive).await?;
        assert!(matches!(accounts.authenticate(&third).await, Err(Failure::Unauthenticated)));
        assert!(accounts.log_in("ada", "Fifth-Word-5").await.is_err());
        let token = accounts.log_in("eve", "Correct-Horse-7").await?;
        let day = chrono::NaiveDate::from_ymd_opt(2000, 1, 1);
        let expired = UserChange { expires_on: Some(day), ..UserChange::default() };
        accounts.change(&by, id(2), expired).await?;
        let refused = accounts.authenticate(&token).await;
        assert!(matches!(refused, Err(Failure::Refused(Refusal::InactiveUser))), "{refused:?}");
        Ok(())
    })
}

#[test]
fn managers_of_an_organization_that_is_not_served_manage_nothing() -> Outcome {
    on_each_database(async |world| {
        account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let change = app::OrganizationChange { is_active: Some(false), ..Default::default() };
        world.app.organizations().change(&World::by(), HARBOUR, change).await?;
        let manager = By::new(world.app.accounts().authenticate(TOKEN_OF_THE_FIRST).await?, None);
        let accounts = world.app.accounts();
        let refused =
            accounts.list(&manager, None, UserFilter::default(), Order::NewestFirst, ALL).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        // Oneself is there all the same.
        accounts.get(&manager, id(101)).await?;
        Ok(())
    })
}

#[test]
fn an_organization_is_shut_by_its_owner_and_nobody_below() -> Outcome {
    on_each_database(async |world| {
        let owner = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let second = account(world, 2, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let organizations = world.app.organizations();
        let shut = || app::OrganizationChange { is_active: Some(false), ..Default::default() };
        let same = app::OrganizationChange { is_active: Some(true), ..Default::default() };
        organizations.change(&second, HARBOUR, same).await?;
        let refused = organizations.change(&second, HARBOUR, shut()).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        organizations.change(&owner, HARBOUR, shut()).await?;
        Ok(())
    })
}

#[test]
fn the_last_superuser_stays_one() -> Outcome {
    on_each_database(async |world| {
        account(world, 1, &[], &[]).await?;
        let (accounts, all) = (world.app.accounts(), World::by());
        let superuser = |wanted| UserChange { superuser: Some(wanted), ..UserChange::default() };
        accounts.change(&all, id(101), superuser(true)).await?;
        let own = By::new(accounts.authenticate(TOKEN_OF_THE_FIRST).await?, None);
        let refused = accounts.change(&own, id(101), superuser(false)).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        accounts.change(&all, id(101), superuser(false)).await?;
        Ok(())
    })
}

#[test]
fn the_first_of_two_who_become_manager_at_once_owns() -> Outcome {
    on_each_database(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        for number in 1..5 {
            accounts.create(&by, NewUser::new(id(number), format!("p{number}"))).await?;
        }
        let place = || UserChange { membership: Some(manages(HILLS)), ..UserChange::default() };
        let (a, b, c, d) = tokio::join!(
            accounts.change(&by, id(1), place()),
            accounts.change(&by, id(2), place()),
            accounts.change(&by, id(3), place()),
            accounts.change(&by, id(4), place()),
        );
        for changed in [a, b, c, d] {
            changed?;
        }
        let mut owners = 0;
        for number in 1..5 {
            let account = accounts.get(&by, id(number)).await?;
            assert!(account.memberships[0].membership.manager);
            owners += usize::from(account.memberships[0].membership.owner);
        }
        assert_eq!(owners, 1);
        Ok(())
    })
}

// What the stories above are made of.

const TOKEN_OF_THE_FIRST: &str = "token-of-account-number-0000000000000001";

fn id(number: u128) -> UserId {
    // The first hundred are those of organizations; from 101 on they are accounts of the world.
    let offset = if number < 100 { 0x500 } else { 0 };
    UserId::from_uuid(Uuid::from_u128(offset + number))
}

fn group(number: u128) -> PermissionGroupId {
    PermissionGroupId::from_uuid(Uuid::from_u128(0xabc0 + number))
}

fn named(name: &str) -> UserChange {
    UserChange {
        profile: vec![(ProfileField::FirstName, name.to_owned())],
        ..UserChange::default()
    }
}

fn manages(organization_id: OrganizationId) -> NewMembership {
    NewMembership { organization_id, manager: true }
}

fn belongs(organization_id: OrganizationId) -> NewMembership {
    NewMembership { organization_id, manager: false }
}

fn owner(organization_id: OrganizationId) -> Membership {
    Membership { organization_id, manager: true, owner: true }
}

fn manager_of(organization_id: OrganizationId) -> Membership {
    Membership { organization_id, manager: true, owner: false }
}

fn member(organization_id: OrganizationId) -> Membership {
    Membership { organization_id, manager: false, owner: false }
}

fn places(account: &Account) -> Vec<Membership> {
    account.memberships.iter().map(|row| row.membership).collect()
}

fn taken<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> Vec<String> {
    match outcome {
        Err(Failure::Taken(taken)) => taken.into_iter().map(|taken| taken.kind).collect(),
        other => panic!("something is taken, not {other:?}"),
    }
}

fn field<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> &'static str {
    match outcome {
        Err(Failure::Invalid(errors)) => errors[0].field,
        other => panic!("a value is wrong, not {other:?}"),
    }
}
