//! Tokens for a purpose, and the end of those of log-ins.

use std::time::Duration;

use app::{By, Failure, NewMembership, NewToken, NewUser, OrganizationChange, Refusal, UserChange};
use chrono::TimeDelta;
use domain::{
    OrganizationId, Permission, TokenId, UserId,
    accounts::ProfileField,
    authority::{Role, TokenScope},
};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::{
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, World, on_each_database},
};

fn id(number: u128) -> TokenId {
    TokenId::from_uuid(Uuid::from_u128(0x7000 + number))
}

fn person(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(100 + number))
}

fn token(number: u128, scope: TokenScope) -> NewToken {
    NewToken { id: id(number), name: format!("token {number}"), scope, expires_at: None }
}

fn within(organizations: &[OrganizationId]) -> TokenScope {
    TokenScope { organizations: Some(organizations.to_vec()), ..TokenScope::default() }
}

fn only(permissions: &[Permission]) -> TokenScope {
    let permissions = Some(permissions.iter().copied().collect());
    TokenScope { permissions, ..TokenScope::default() }
}

const READ_ONLY: TokenScope =
    TokenScope { permissions: None, organizations: None, read_only: true };

/// Makes it, and whoever comes with it.
async fn made(world: &World, by: &By, user: UserId, new: NewToken) -> Outcome<(String, By)> {
    let (secret, _) = world.app.accounts().create_token(by, user, new).await?;
    let secret = secret.ok_or("a secret")?.expose_secret().to_owned();
    let by = world.app.accounts().bearer(&secret, None).await?;
    Ok((secret, by))
}

#[test]
fn a_token_is_told_once_and_goes_as_far_as_its_scope() -> Outcome {
    on_each_database(async |world| {
        let accounts = world.app.accounts();
        let both = [(HARBOUR, true), (HILLS, true)];
        let ada = account(world, 1, &[Role::Administrator], &both).await?;
        let (secret, whole) = made(world, &ada, person(1), token(1, TokenScope::default())).await?;
        assert!(secret.starts_with("wt_") && secret.len() == 67, "256 bits");
        assert_eq!(whole.authority, ada.authority);

        let (_, narrow) = made(world, &ada, person(1), token(2, within(&[HILLS]))).await?;
        assert_eq!(narrow.authority.visible(), Some(vec![HILLS]));
        let (_, reader) = made(world, &ada, person(1), token(3, READ_ONLY)).await?;
        let refused =
            world.app.organizations().change(&reader, HARBOUR, OrganizationChange::default()).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        assert!(world.app.organizations().get(&reader, HARBOUR).await.is_ok());
        let refused = world.app.organizations().get(&narrow, HARBOUR).await;
        assert!(matches!(refused, Err(Failure::NotFound(_))), "{refused:?}");

        accounts.flush_token_uses().await?;
        let listed = accounts.tokens(&ada, person(1)).await?;
        let names: Vec<_> = listed.iter().map(|token| token.name.as_str()).collect();
        assert_eq!(names, ["token 1", "token 2", "token 3"]);
        assert!(listed.iter().all(|token| token.last_used_at > Some(token.created_at)));
        assert_eq!(listed[1].scope, within(&[HILLS]));

        accounts.revoke_token(&ada, person(1), id(2)).await?;
        for _ in 0..2 {
            let narrow = accounts.revoke_token(&ada, person(1), id(2)).await;
            assert!(matches!(narrow, Err(Failure::NotFound("Token"))), "{narrow:?}");
        }
        assert!(accounts.bearer(&secret, None).await.is_ok(), "the others go on");
        assert_eq!(accounts.prune_token_uses().await?, 1);
        let same = NewToken { name: "token 1".to_owned(), ..token(4, READ_ONLY) };
        let refused = accounts.create_token(&ada, person(1), same).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        Ok(())
    })
}

#[test]
fn a_token_makes_no_broader_token() -> Outcome {
    on_each_database(async |world| {
        let accounts = world.app.accounts();
        let ada = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let foreign = accounts.create_token(&ada, person(1), token(1, within(&[HILLS]))).await;
        assert!(matches!(foreign, Err(Failure::NotFound("Organization"))), "{foreign:?}");
        let unknown = OrganizationId::from_uuid(Uuid::from_u128(99));
        let unknown = accounts.create_token(&ada, person(1), token(1, within(&[unknown]))).await;
        assert_eq!(format!("{foreign:?}"), format!("{unknown:?}"));
        let more = only(&[Permission::AddOrganization]);
        let refused = accounts.create_token(&ada, person(1), token(1, more)).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");

        let end = world.app.world().now() + TimeDelta::days(1);
        let view =
            TokenScope { organizations: Some(vec![HARBOUR]), ..only(&[Permission::ViewDevice]) };
        let new = NewToken { expires_at: Some(end), ..token(1, view.clone()) };
        let (_, narrow) = made(world, &ada, person(1), new).await?;
        // One that goes as far as the account makes others, which end no later.
        let new = NewToken { expires_at: Some(end), ..token(2, TokenScope::default()) };
        let (_, whole) = made(world, &ada, person(1), new).await?;
        let for_ever = accounts.create_token(&whole, person(1), token(3, view.clone())).await;
        let outlives = matches!(for_ever, Err(Failure::Refused(Refusal::OutlivesToken)));
        assert!(outlives, "{for_ever:?}");
        let new = NewToken { expires_at: Some(end), ..token(3, view.clone()) };
        made(world, &whole, person(1), new).await?;

        // With the account itself one would have all of it.
        let new = NewToken { expires_at: Some(end), ..token(4, view.clone()) };
        let mine = |change: UserChange| accounts.change(&narrow, person(1), change);
        let bio = UserChange {
            profile: vec![(ProfileField::Bio, "sings".to_owned())],
            ..UserChange::default()
        };
        let place = NewMembership { organization_id: HARBOUR, manager: false };
        let member = UserChange { membership: Some(place), ..UserChange::default() };
        let refused = [
            accounts.create_token(&narrow, person(1), new).await.err(),
            accounts.create_token(&narrow, person(1), token(4, READ_ONLY)).await.err(),
            mine(bio).await.err(),
            mine(member).await.err(),
            accounts.leave(&narrow, person(1), HARBOUR).await.err(),
            accounts.remove(&narrow, person(1)).await.err(),
            accounts.add_address(&narrow, person(1), "a@mast.example", true).await.err(),
            accounts.resend_confirmation(&narrow, person(1), 1).await.err(),
            accounts.revoke_tokens(&narrow, person(1)).await.err(),
            accounts.revoke_token(&narrow, person(1), id(2)).await.err(),
            accounts
                .change_password(&narrow, person(1), Some("x".into()), "y".into(), "password")
                .await
                .err(),
        ];
        for failure in refused {
            assert!(matches!(failure, Some(Failure::Refused(Refusal::NarrowToken))), "{failure:?}");
        }
        accounts.revoke_token(&narrow, person(1), id(1)).await?;
        Ok(())
    })
}

#[test]
fn tokens_belong_to_their_account() -> Outcome {
    on_each_database(async |world| {
        let accounts = world.app.accounts();
        let ada = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let stranger = account(world, 2, &[Role::Administrator], &[(HILLS, true)]).await?;
        let (_, ada) = made(world, &ada, person(1), token(1, TokenScope::default())).await?;
        let hidden = [
            accounts.create_token(&stranger, person(1), token(2, READ_ONLY)).await.err(),
            accounts.tokens(&stranger, person(1)).await.err(),
            accounts.revoke_token(&stranger, person(1), id(1)).await.err(),
            accounts.token_owner(&stranger, id(1)).await.err(),
            accounts.token_owner(&stranger, id(9)).await.err(),
            accounts.revoke_token(&stranger, person(2), id(1)).await.err(),
        ];
        for failure in hidden {
            assert!(matches!(failure, Some(Failure::NotFound(_))), "{failure:?}");
        }
        // Whoever sees the account is told that making tokens for it is not theirs.
        let member = NewUser {
            memberships: vec![NewMembership { organization_id: HARBOUR, manager: false }],
            ..NewUser::new(person(3), "eve")
        };
        accounts.create(&World::by(), member).await?;
        let refused = accounts.create_token(&ada, person(3), token(2, READ_ONLY)).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        accounts.create_token(&World::by(), person(3), token(2, READ_ONLY)).await?;
        accounts.revoke_token(&ada, person(3), id(2)).await?;
        Ok(())
    })
}

#[test]
fn tokens_end_with_time_and_with_their_account() -> Outcome {
    on_each_database(async |world| {
        let accounts = world.app.accounts();
        let ada = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let end = world.app.world().now() + TimeDelta::hours(1);
        let past = NewToken { expires_at: Some(end - TimeDelta::days(1)), ..token(1, READ_ONLY) };
        let refused = accounts.create_token(&ada, person(1), past).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        let new = NewToken { expires_at: Some(end), ..token(1, READ_ONLY) };
        let (short, _) = made(world, &ada, person(1), new).await?;
        let (long, _) = made(world, &ada, person(1), token(2, TokenScope::default())).await?;
        world.pass(Duration::from_hours(2));
        assert!(matches!(accounts.bearer(&short, None).await, Err(Failure::Unauthenticated)));
        assert!(accounts.bearer(&long, None).await.is_ok());

        // Less is less for tokens, too.
        let fewer = UserChange { groups: Some(vec![]), ..UserChange::default() };
        accounts.change(&World::by(), person(1), fewer).await?;
        let now = accounts.bearer(&long, None).await?.authority;
        assert!(now.require_anywhere(Permission::ViewDevice).is_err());
        let shut = |active| UserChange { active: Some(active), ..UserChange::default() };
        accounts.change(&World::by(), person(1), shut(false)).await?;
        let refused = accounts.bearer(&long, None).await;
        assert!(matches!(refused, Err(Failure::Refused(Refusal::InactiveUser))), "{refused:?}");
        accounts.change(&World::by(), person(1), shut(true)).await?;
        assert!(accounts.bearer(&long, None).await.is_ok());
        accounts.revoke_tokens(&World::by(), person(1)).await?;
        assert!(matches!(accounts.bearer(&long, None).await, Err(Failure::Unauthenticated)));
        Ok(())
    })
}

#[test]
fn tokens_of_log_ins_end_when_the_account_loses_rights() -> Outcome {
    on_each_database(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        world.app.permission_groups().found(&by).await?;
        let word = "Correct-Horse-7";
        let ada = NewUser {
            password: Some(word.into()),
            superuser: true,
            staff: true,
            groups: vec![1, 2],
            memberships: vec![
                NewMembership { organization_id: HARBOUR, manager: true },
                NewMembership { organization_id: HILLS, manager: true },
            ],
            ..NewUser::new(person(1), "ada")
        };
        accounts.create(&by, ada).await?;
        // The second manager, who takes the first one's place.
        let eve = NewUser {
            memberships: vec![
                NewMembership { organization_id: HARBOUR, manager: true },
                NewMembership { organization_id: HILLS, manager: true },
            ],
            ..NewUser::new(person(2), "eve")
        };
        accounts.create(&by, eve).await?;
        for organization in [HARBOUR, HILLS] {
            accounts.hand_over(&by, organization, person(2)).await?;
        }
        let member = NewMembership { organization_id: HARBOUR, manager: false };
        let nothing = UserChange::default;
        for change in [
            UserChange { superuser: Some(false), ..nothing() },
            UserChange { staff: Some(false), ..nothing() },
            UserChange { groups: Some(vec![2]), ..nothing() },
            UserChange { membership: Some(member), ..nothing() },
            UserChange { active: Some(false), ..nothing() },
        ] {
            let token = accounts.log_in("ada", word).await?;
            assert_eq!(accounts.log_in("ada", word).await?, token, "the same until it ends");
            accounts.change(&by, person(1), change.clone()).await?;
            let ended = accounts.bearer(&token, None).await;
            assert!(matches!(ended, Err(Failure::Unauthenticated)), "{change:?}: {ended:?}");
        }
        let active = UserChange { active: Some(true), ..nothing() };
        accounts.change(&by, person(1), active).await?;
        let token = accounts.log_in("ada", word).await?;
        // What takes nothing leaves the token.
        let named = UserChange { username: Some("ada2".to_owned()), ..nothing() };
        accounts.change(&by, person(1), named).await?;
        let more = UserChange { groups: Some(vec![1, 2]), ..nothing() };
        accounts.change(&by, person(1), more).await?;
        assert!(accounts.bearer(&token, None).await.is_ok());
        accounts.leave(&by, person(1), HILLS).await?;
        assert!(matches!(accounts.bearer(&token, None).await, Err(Failure::Unauthenticated)));
        Ok(())
    })
}
