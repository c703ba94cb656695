//! Passwords that are too old, and such whose hashes come from elsewhere.

use app::{Failure, NewMembership, NewUser, Refusal, UserChange};
use chrono::TimeDelta;
use domain::{UserId, authority::Role};
use tokio::task::JoinSet;

use crate::{
    mail::{OTHER, PASSWORD, id, rita, settings},
    tenancy::account,
    world::{HARBOUR, Outcome, World, with_settings},
};

#[test]
fn an_expired_password_is_good_for_choosing_another_one() -> Outcome {
    let mut settings = settings();
    settings.accounts.password_days = 30;
    with_settings(&settings, async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        accounts.create(&by, rita()).await?;
        accounts
            .create(
                &by,
                NewUser {
                    staff: true,
                    ..NewUser { password: Some(PASSWORD.into()), ..NewUser::new(id(10), "sam") }
                },
            )
            .await?;
        let token = accounts.log_in("rita", PASSWORD).await?;
        let staff = accounts.log_in("sam", PASSWORD).await?;
        accounts.authenticate(&token).await?;
        world.later(TimeDelta::days(31));
        let expired = |result: Result<_, Failure>| {
            matches!(result, Err(Failure::Refused(Refusal::PasswordExpired)))
        };
        assert!(expired(accounts.authenticate(&token).await.map(drop)));
        assert!(expired(world.app.live().listener(&token, None).await.map(drop)));
        accounts.authenticate(&staff).await?;
        let again = accounts.log_in("rita", PASSWORD).await?;
        assert_eq!(
            again, token,
            "logging in is not hindered, so that there is a token to change it"
        );

        let own = accounts.bearer_for_password(&token, None).await?;
        assert!(
            accounts
                .change(&own, id(9), UserChange { staff: Some(true), ..UserChange::default() })
                .await
                .is_err()
        );
        accounts.change_password(&own, id(9), Some(PASSWORD.into()), OTHER.into(), "p").await?;
        let token = accounts.log_in("rita", OTHER).await?;
        accounts.authenticate(&token).await?;

        // Who comes from elsewhere brings the password's age along.
        let brought = |number, days| NewUser {
            password: Some(PASSWORD.into()),
            password_since: Some(world.now() - TimeDelta::days(days)),
            ..NewUser::new(id(number), format!("b{number}"))
        };
        accounts.create(&by, brought(20, 31)).await?;
        accounts.create(&by, brought(21, 29)).await?;
        let token = accounts.log_in("b20", PASSWORD).await?;
        assert!(expired(accounts.authenticate(&token).await.map(drop)));
        accounts.authenticate(&accounts.log_in("b21", PASSWORD).await?).await?;
        let manager = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let new = NewUser {
            memberships: vec![NewMembership { organization_id: HARBOUR, manager: false }],
            ..brought(22, 1)
        };
        assert!(matches!(accounts.create(&manager, new).await, Err(Failure::Forbidden)));
        Ok(())
    })
}

#[test]
fn hashes_of_other_systems_are_replaced_at_the_first_log_in() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        let rehashed = async |user: UserId| {
            let events = world.app.store().stream("user", &user.to_string(), 0).await?;
            let of = |kind: &str| events.iter().filter(|event| event.event_type == kind).count();
            Outcome::Ok((of("user.password_rehashed"), of("user.password_changed")))
        };
        let hashes = [
            "pbkdf2_sha256$1000$seasalt2seasalt2seasal$2vc6I+vYPFOPPFoyxGlFD679ue/xHEJtDD5lBtfvfE0=",
            "argon2$argon2id$v=19$m=1024,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$NAGTZC8TPdSYfemLtkLYI+Xwwj16mN2Qu3eNg8orAe8",
            "bcrypt_sha256$$2b$04$Vp6Z9CqlWr33X.Q17g1I0eSk9lCxT80uiRgwcjVDRRMsvTRpJu7fy",
            "bcrypt$$2b$04$0PCPfFleyb8YnuRXU9j27e5XqGivtiGkr2mAhB18nVfFhVt3LY0g2",
        ];
        for (number, hash) in (20..).zip(hashes) {
            let new = NewUser {
                password_hash: Some(hash.into()),
                ..NewUser::new(id(number), format!("p{number}"))
            };
            accounts.create(&by, new).await?;
            let wrong = accounts.log_in(&format!("p{number}"), "another").await;
            assert!(matches!(wrong, Err(Failure::Unauthenticated)), "{hash}");
            assert_eq!(rehashed(id(number)).await?, (0, 0));
            for _ in 0..2 {
                accounts.log_in(&format!("p{number}"), PASSWORD).await?;
                assert_eq!(rehashed(id(number)).await?, (1, 0), "{hash}");
            }
        }
        let absurd = "pbkdf2_sha256$4000000000$salt$2vc6I+vYPFOPPFoyxGlFD679ue/xHEJtDD5lBtfvfE0=";
        let brings = |number, hash: &str| NewUser {
            password_hash: Some(hash.into()),
            memberships: vec![NewMembership { organization_id: HARBOUR, manager: false }],
            ..NewUser::new(id(number), format!("q{number}"))
        };
        let refused = accounts.create(&by, brings(30, absurd)).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))));
        let manager = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let refused = accounts.create(&manager, brings(31, hashes[0])).await;
        assert!(matches!(refused, Err(Failure::Forbidden)));

        let long = "ü".repeat(513);
        let refused = accounts.create(&by, NewUser { password: Some(long.into()), ..rita() }).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "1,026 bytes");
        Ok(())
    })
}

#[test]
fn a_log_in_that_overlaps_brings_no_ended_token_back() -> Outcome {
    with_settings(&settings(), async |world| {
        let (app, by) = (&world.app, World::by());
        app.accounts().create(&by, rita()).await?;
        let before = app.accounts().log_in("rita", PASSWORD).await?;
        let mut tried = JoinSet::new();
        for _ in 0..8 {
            let app = app.clone();
            tried.spawn(async move { app.accounts().log_in("rita", PASSWORD).await });
        }
        // In the middle of them.
        let mut tokens = vec![tried.join_next().await.ok_or("a try")??];
        app.accounts().change_password(&by, id(9), None, OTHER.into(), "password").await?;
        while let Some(one) = tried.join_next().await {
            tokens.push(one?);
        }
        for token in tokens.into_iter().flatten().chain([before]) {
            let known = app.accounts().authenticate(&token).await;
            assert!(matches!(known, Err(Failure::Unauthenticated)), "the password is another one");
        }
        let after = app.accounts().log_in("rita", OTHER).await?;
        app.accounts().authenticate(&after).await?;
        Ok(())
    })
}

#[test]
fn former_passwords_are_not_chosen_again() -> Outcome {
    let mut settings = settings();
    settings.accounts.password_history = 2;
    with_settings(&settings, async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        // The first hash is another system's, and replaced by one of ours: that is still one password.
        let hash = "pbkdf2_sha256$1000$seasalt2seasalt2seasal$2vc6I+vYPFOPPFoyxGlFD679ue/xHEJtDD5lBtfvfE0=";
        let new = NewUser { password: None, password_hash: Some(hash.into()), ..rita() };
        accounts.create(&by, new).await?;
        accounts.log_in("rita", PASSWORD).await?;
        let change =
            async |word: &str| accounts.change_password(&by, id(9), None, word.into(), "p").await;
        let former = async |word: &str| {
            matches!(change(word).await, Err(Failure::Refused(Refusal::FormerPassword)))
        };
        change("Second-Word-2").await?;
        assert!(former(PASSWORD).await);
        change("Third-Word-3").await?;
        assert!(former(PASSWORD).await && former("Second-Word-2").await);
        let same = change("Third-Word-3").await;
        assert!(matches!(same, Err(Failure::Refused(Refusal::SamePassword))), "{same:?}");
        change("Fourth-Word-4").await?;
        assert!(former("Second-Word-2").await && former("Third-Word-3").await);
        change(PASSWORD).await?;
        accounts.log_in("rita", PASSWORD).await?;
        Ok(())
    })
}

#[test]
fn without_a_history_only_the_present_password_is_refused() -> Outcome {
    let mut settings = settings();
    settings.accounts.password_history = 0;
    with_settings(&settings, async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        accounts.create(&by, rita()).await?;
        for word in [OTHER, PASSWORD] {
            accounts.change_password(&by, id(9), None, word.into(), "p").await?;
            let same = accounts.change_password(&by, id(9), None, word.into(), "p").await;
            assert!(matches!(same, Err(Failure::Refused(Refusal::SamePassword))), "{same:?}");
        }
        Ok(())
    })
}
