//! Erasing people: nothing of them is left, and everything else is as it was.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use app::{
    App, Begun, Failure, GivenAnswer, Letter, LogInSelection, NewMembership, NewToken, NewUser,
    Once, Peer, PersonContents, Refusal, UserChange,
};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    TokenId, UserId,
    accounts::ProfileField,
    authority::{Role, TokenScope},
};
use projections::Stretch;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use store::{
    AggregateSnapshot, Interpreter, JobState, Query, Rebuild, args, reach::watched,
    verify_projections,
};
use tokio::task::JoinSet;
use uuid::Uuid;
use wisptrail_workers::{Delivery, Mail, MailError, Postman, Reconciler as _};

use crate::{
    mail::{Mood, Post, invalid, key, named, settings},
    secrets::{contains, everything},
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, PEER, World, with_settings},
};

const PASSWORD: &str = "erase-me-Battery-9431";
const FORMER: &str = "somebody-before-the-wedding";
const USERNAME: &str = "somebody-who-leaves";
const FORMER_EMAIL: &str = "Before@leaves.example";
const EMAIL: &str = "somebody.who@leaves.example";
const LISTED: &str = "another.address@leaves.example";
const PHONE: &str = "+393331234502";
const TOKEN: &str = "what-the-token-is-for-7734";
const ANSWER: &str = "an-answer-about-them-4471";
const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 77);
const PROFILE: &[(ProfileField, &str)] = &[
    (ProfileField::FirstName, "Éowyn \"Ea\""),
    (ProfileField::LastName, "Ashworth-O'Leary"),
    (ProfileField::BirthDate, "1987-03-29"),
    (ProfileField::Location, "behind the old lighthouse"),
    (ProfileField::Company, "Leavers & Sons / Ltd"),
    (ProfileField::Bio, "plays the oboe – on Wednesdays"),
    (ProfileField::Url, "https://leaves.example/~somebody?x=1"),
    (ProfileField::Notes, "asked for \\ to be erased"),
];

/// On each database, where mails can be sent.
fn story(told: impl AsyncFn(&World) -> Outcome) -> Outcome {
    with_settings(&settings(), told)
}

fn id() -> UserId {
    UserId::from_uuid(Uuid::from_u128(700))
}

/// Where they log in from.
const FROM: Option<Peer> = Some(Peer { address: IpAddr::V4(ADDRESS), correlation_id: None });

/// Somebody of whom much is known, some of it from before; also what others were answered about them.
async fn somebody(world: &World) -> Outcome {
    let (accounts, by) = (world.app.accounts(), World::by());
    world.app.permission_groups().found(&by).await?;
    // Names that were nobody's when they were typed.
    for login in [USERNAME, FORMER_EMAIL, PHONE, "BEFORE@LEAVES.example", "00393331234502"] {
        assert!(accounts.log_in_from(login, "wrong", FROM).await.is_err());
    }
    let mut manager = account(world, 50, &[Role::Administrator], &[(HARBOUR, true)]).await?;
    manager.correlation_id = Some(Uuid::from_u128(7050));
    let requests = world.app.requests();
    let Begun::Now(turn) = requests.begin(&manager, "POST /user/", "key", b"asked").await? else {
        return Err("nobody has used the key".into());
    };
    let new = NewUser {
        email: Some(FORMER_EMAIL.to_owned()),
        email_verified: Some(true),
        phone: Some(PHONE.to_owned()),
        password: Some(PASSWORD.into()),
        staff: true,
        groups: vec![Role::Operator.number()],
        memberships: vec![NewMembership { organization_id: HARBOUR, manager: true }],
        profile: PROFILE.iter().map(|(field, value)| (*field, (*value).to_owned())).collect(),
        language: "it".to_owned(),
        time_zone: "Europe/Rome".to_owned(),
        ..NewUser::new(id(), FORMER)
    };
    let mut on_behalf = World::by();
    on_behalf.correlation_id = manager.correlation_id;
    accounts.create(&on_behalf, new).await?;
    let answer = GivenAnswer { status: 201, headers: Vec::new(), body: ANSWER.to_owned() };
    requests.answer(turn, answer).await?;

    let change = UserChange {
        username: Some(USERNAME.to_owned()),
        email: Some(EMAIL.to_owned()),
        ..UserChange::default()
    };
    accounts.change(&by, id(), change).await?;
    accounts.add_address(&by, id(), LISTED, false).await?;
    assert!(accounts.log_in_from(USERNAME, "wrong", FROM).await.is_err());
    accounts.log_in_from(EMAIL, PASSWORD, FROM).await?;
    let token = NewToken {
        id: TokenId::from_uuid(Uuid::from_u128(701)),
        name: TOKEN.to_owned(),
        scope: TokenScope::default(),
        expires_at: None,
    };
    let (token, _) = accounts.create_token(&by, id(), token).await?;
    let token = token.ok_or("it is told once")?;
    let own = accounts.bearer(token.expose_secret(), Some(Uuid::from_u128(7051))).await?;
    accounts.flush_token_uses().await?;

    // What they asked for themselves.
    let once = Once { key: "their-key".to_owned(), fingerprint: vec![7; 32] };
    let bio = vec![(ProfileField::Bio, PROFILE[5].1.to_owned())];
    let change =
        UserChange { profile: bio, language: Some("de".to_owned()), ..UserChange::default() };
    accounts.change(&World::by().once(once), id(), change).await?;
    let Begun::Now(turn) = requests.begin(&own, "PATCH /user/", "key", b"asked").await? else {
        return Err("nobody has used the key".into());
    };
    requests
        .answer(turn, GivenAnswer { status: 200, headers: Vec::new(), body: ANSWER.to_owned() })
        .await?;

    mails(world).await?;
    // Long streams have one.
    let traces = traces(world).await?;
    let payload = format!("{{\"cached\":\"{}\"}}", String::from_utf8_lossy(&traces[0]));
    let snapshot = AggregateSnapshot { last_sequence: 1, format: 1, payload };
    world.app.store().save_snapshot("user", &id().to_string(), snapshot).await?;
    Ok(())
}

/// Mails to them that were sent, given up, tried in vain, and not tried yet, with names as people spell them.
async fn mails(world: &World) -> Outcome {
    let (accounts, post) = (world.app.accounts(), Post::new(world));
    let peer = PEER.address;
    accounts.request_password_reset(EMAIL, peer).await?;
    // The first two confirm the addresses.
    let sent = post.collect().await?;
    assert_eq!(sent.len(), 3, "{sent:?}");
    post.becomes(Mood::Refuses);
    accounts.request_log_in_link(USERNAME, peer).await?;
    assert_eq!(post.collect().await?, []);
    post.becomes(Mood::Away);
    accounts.request_password_reset("+39 333-123.4502", peer).await?;
    accounts.resend_confirmation(&World::by(), id(), 2).await?;
    assert_eq!(post.collect().await?, []);
    accounts.request_log_in_link(" Somebody.WHO@leaves.EXAMPLE ", peer).await?;
    let states: Vec<_> = post.states().await?.into_iter().map(|(state, _)| state).collect();
    let of = |wanted: JobState| states.iter().filter(|state| **state == wanted).count();
    assert_eq!([of(JobState::Done), of(JobState::Failed), of(JobState::Queued)], [3, 1, 3]);
    Ok(())
}

/// All that is said of somebody.
fn clear() -> Vec<String> {
    let profile = PROFILE.iter().map(|(_, value)| *value);
    let rest = [PASSWORD, FORMER, USERNAME, FORMER_EMAIL, EMAIL, LISTED, PHONE, TOKEN, ANSWER];
    let address = ADDRESS.to_string();
    rest.into_iter().chain(profile).chain([address.as_str()]).map(str::to_owned).collect()
}

/// The same as JSON, addresses and forms spell it, and in lower case.
fn spellings(text: &str) -> Vec<String> {
    let json = Value::from(text).to_string();
    let json = json.trim_matches('"').to_owned();
    let unicode = json.chars().map(|c| match c {
        ' '..='~' => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    });
    let percent = |space: &str| {
        let spelt = text.bytes().map(|byte| match byte {
            b' ' => space.to_owned(),
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        });
        spelt.collect::<String>()
    };
    let mut all = vec![
        text.to_owned(),
        text.to_lowercase(),
        unicode.collect(),
        json.replace('/', "\\/"),
        percent("%20"),
        percent("+"),
        json,
    ];
    all.sort();
    all.dedup();
    all
}

/// What stands for somebody, and is in the tables before: fingerprints, envelopes, the wrapped key.
async fn traces(world: &World) -> Outcome<Vec<Vec<u8>>> {
    let store = world.app.store();
    let all = |sql: &'static str, columns: usize| async move {
        let mut found = Vec::new();
        for row in store.fetch(Query::new(sql, args![id().as_uuid()])).await? {
            for column in 0..columns {
                found.push(row.text(column)?.into_bytes());
            }
        }
        Ok::<_, store::StoreError>(found)
    };
    let user = "SELECT username_fingerprint, email_fingerprint, phone_fingerprint, username, email, phone, password, first_name, last_name, birth_date, location, company, bio, url, notes FROM users WHERE id = $1";
    let mut traces = all(user, 15).await?;
    assert_eq!(traces.len(), 15, "every field is filled");
    let listed = "SELECT fingerprint, address FROM user_email_addresses WHERE user_id = $1";
    traces.extend(all(listed, 2).await?);
    traces.extend(all("SELECT token FROM user_tokens WHERE user_id = $1", 1).await?);
    let names = "SELECT name FROM user_tokens WHERE user_id = $1 AND name IS NOT NULL";
    traces.extend(all(names, 1).await?);
    let tries = "SELECT address, network FROM log_ins WHERE user_id = $1";
    traces.extend(all(tries, 2).await?);
    let links = "SELECT CAST(payload AS text) FROM events WHERE event_type = 'user.link_issued' AND aggregate_id = $1";
    let links = store.fetch(Query::new(links, args![id().to_string()])).await?;
    assert_eq!(links.len(), 3, "for each mail that left");
    for row in links {
        let event: Value = serde_json::from_str(&row.text(0)?)?;
        traces.extend(texts(&event["link"]["token"]));
    }
    let mails = Query::new("SELECT CAST(payload AS text) FROM jobs WHERE kind = 'mail'", args![]);
    for row in store.fetch(mails).await? {
        let mail: Value = serde_json::from_str(&row.text(0)?)?;
        let prints = [&mail["phones"], &mail["email"], &mail["username"], &mail["address"]];
        traces.extend(prints.into_iter().flat_map(texts));
    }
    let key = "SELECT wrapped_key FROM subject_keys WHERE subject_id = $1";
    for row in store.fetch(Query::new(key, args![id().as_uuid()])).await? {
        traces.push(row.bytes(0)?);
    }
    Ok(traces)
}

/// A text, or those of a list.
fn texts(value: &Value) -> Vec<Vec<u8>> {
    let one = value.as_str().into_iter();
    let all = one.chain(value.as_array().into_iter().flatten().filter_map(Value::as_str));
    all.map(|text| text.as_bytes().to_vec()).collect()
}

/// Fingerprints of names that were nobody's when somebody tried them.
async fn strangers(world: &World) -> Outcome<Vec<Vec<u8>>> {
    let query = Query::new("SELECT login, address FROM log_ins WHERE user_id IS NULL", args![]);
    let mut found = Vec::new();
    for row in world.app.store().fetch(query).await? {
        found.extend([row.text(0)?.into_bytes(), row.text(1)?.into_bytes()]);
    }
    Ok(found)
}

async fn assert_nothing_is_left(world: &World, traces: &[Vec<u8>]) -> Outcome {
    let wanted: Vec<_> = clear().iter().flat_map(|text| spellings(text)).collect();
    for (place, bytes) in everything(world).await? {
        for text in &wanted {
            assert!(!contains(&bytes, text.as_bytes()), "{place} holds {text}");
        }
        for trace in traces {
            let text = String::from_utf8_lossy(trace);
            assert!(!contains(&bytes, trace), "{place} holds {text}");
        }
    }
    Ok(())
}

/// Chain and tables fit together.
async fn assert_sound(world: &World) -> Outcome {
    let report = world.app.store().verify_chain(None, |_| {}).await?;
    assert_eq!(report.first_bad, None);
    let interpreter: Arc<dyn Interpreter> = Arc::new(projections::Catalogue);
    let all = projections::all();
    for report in verify_projections(&world.location, &all, &interpreter, |_, _| {}).await? {
        assert!(report.is_sound(), "{report:?}");
    }
    Ok(())
}

async fn overwritten(world: &World) -> Outcome {
    World::until("nobody is in the way", async || {
        Ok(world.app.accounts().overwrite_erased().await?)
    })
    .await
}

#[test]
fn nothing_is_left_of_a_person() -> Outcome {
    story(async |world| {
        let (app, by) = (&world.app, World::by());
        somebody(world).await?;
        let mut traces = traces(world).await?;
        let strangers = strangers(world).await?;
        assert_eq!(strangers.len(), 10);
        traces.extend(strangers);
        let before = everything(world).await?;
        for trace in &traces {
            assert!(before.iter().any(|(_, bytes)| contains(bytes, trace)), "the search finds it");
        }
        let contents = app.accounts().erasable(&by, id()).await?;
        let expected = PersonContents {
            events: contents.events,
            log_ins: 7,
            email_addresses: 2,
            tokens: 1,
            memberships: 1,
        };
        assert_eq!(contents, expected);
        assert!(contents.events >= 6 && world.erasures().is_empty(), "{contents:?}");

        let head = app.store().head();
        let done = app.accounts().erase(&by, id()).await?;
        assert_eq!(done.position, head + 1, "one event, and the chain goes on from it");
        assert!(world.erasures().contains(&id().as_uuid()));
        overwritten(world).await?;
        assert_nothing_is_left(world, &traces).await?;
        assert_sound(world).await?;
        let mails = Query::new("SELECT 1 FROM jobs WHERE kind = 'mail'", args![]);
        assert!(app.store().fetch(mails).await?.is_empty(), "nobody is mailed any more");

        assert!(matches!(app.accounts().get(&by, id()).await, Err(Failure::NotFound(_))));
        let selection = LogInSelection { user: Some(id()), ..LogInSelection::default() };
        let stretch = Stretch { limit: 10, ..Stretch::default() };
        let listed = app.accounts().log_ins(&by, selection, stretch).await;
        assert!(matches!(listed, Err(Failure::NotFound(_))), "{listed:?}");
        for again in [
            app.accounts().erase(&by, id()).await.err(),
            app.accounts().erasable(&by, id()).await.err(),
        ] {
            assert!(matches!(again, Some(Failure::NotFound("User"))), "{again:?}");
        }
        assert!(world.erasures().contains(&id().as_uuid()), "once is for ever");
        // What somebody was answered about them is lost, and not done again.
        let manager = "token-of-account-number-0000000000000050";
        let manager = app.accounts().bearer(manager, None).await?;
        world.pass(Duration::from_mins(1));
        let again = app.requests().begin(&manager, "POST /user/", "key", b"asked").await?;
        assert!(matches!(again, Begun::Lost), "{again:?}");

        // Everything comes out of the events as it is; the name is free.
        let rebuild = Rebuild::new(app.store().clone());
        rebuild.claims().await?;
        for projection in projections::all().iter().filter(|one| !one.tables().is_empty()) {
            rebuild.projection(projection).await?;
        }
        assert_sound(world).await?;
        rebuild.long_from(1).all().await?;
        assert_nothing_is_left(world, &traces).await?;
        assert_sound(world).await?;
        // From here on there are facts about names that nobody has.
        let tried = app.accounts().log_in(EMAIL, PASSWORD).await;
        assert!(matches!(tried, Err(Failure::Unauthenticated)), "{tried:?}");
        let new = NewUser {
            email: Some(EMAIL.to_owned()),
            email_verified: Some(false),
            ..NewUser::new(UserId::from_uuid(Uuid::from_u128(702)), USERNAME)
        };
        app.accounts().create(&by, new).await?;
        let listed = app.accounts().addresses(&by, UserId::from_uuid(Uuid::from_u128(702))).await?;
        assert_eq!(listed[0].number, 3, "numbers are never given again");
        let taken = app.accounts().create(&by, NewUser::new(id(), "another")).await;
        assert!(matches!(taken, Err(Failure::Refused(Refusal::Exists))), "{taken:?}");
        assert_sound(world).await
    })
}

#[test]
fn histories_say_that_somebody_was_there() -> Outcome {
    story(async |world| {
        let (app, by) = (&world.app, World::by());
        somebody(world).await?;
        app.accounts().erase(&by, id()).await?;
        let events = app.store().stream("user", &id().to_string(), 0).await?;
        let (last, before) = events.split_last().ok_or("events")?;
        assert_eq!(last.event_type, "user.erased");
        assert!(!before.is_empty() && before.iter().all(|event| domain::is_gone(&event.payload)));
        assert!(before.iter().all(|event| event.hash.is_some() && event.payload_hash.is_some()));
        for event in &events {
            let decoded = projections::decode(event).map_err(|fault| fault.0)?;
            assert!(matches!(
                *decoded,
                domain::Event::Gone
                    | domain::Event::User(domain::accounts::UserEvent::Erased { .. })
            ));
        }

        // A payload that somebody else takes away is found.
        let device = world.register(HARBOUR, 1).await?;
        let sql = "UPDATE events SET payload = '{\"$erased\":true}' WHERE aggregate_id = $1";
        let op = store::Op::new(sql, args![device.device_id.to_string()]);
        app.store().execute(vec![op]).await?;
        let bad = app.store().verify_chain(None, |_| {}).await?.first_bad.ok_or("it is found")?;
        assert!(bad.reason.contains("nobody was erased"), "{bad:?}");
        Ok(())
    })
}

#[test]
fn owners_stay_and_strangers_erase_nobody() -> Outcome {
    story(async |world| {
        let accounts = world.app.accounts();
        somebody(world).await?;
        let stranger = account(world, 1, &[Role::Administrator], &[(HILLS, true)]).await?;
        let member = account(world, 2, &[], &[(HARBOUR, false)]).await?;
        let operator = account(world, 3, &[Role::Operator], &[(HARBOUR, true)]).await?;
        for by in [&stranger, &member, &operator] {
            let failures = [
                accounts.erase(by, id()).await.err(),
                accounts.erase(by, UserId::from_uuid(Uuid::from_u128(999))).await.err(),
                accounts.erasable(by, id()).await.err(),
            ];
            let told = failures.map(|failure| failure.map(|failure| failure.to_string()));
            assert!(told[0].is_some() && told.iter().all(|one| *one == told[0]), "{told:?}");
        }
        // The first manager of an organization owns it.
        let owner = UserId::from_uuid(Uuid::from_u128(150));
        for refused in [
            accounts.erase(&World::by(), owner).await.err(),
            accounts.erasable(&World::by(), owner).await.err(),
        ] {
            let Some(Failure::Refused(refusal)) = refused else { panic!("{refused:?}") };
            assert_eq!(refusal, Refusal::IsOwner);
            assert!(refusal.to_string().contains("hand it over"), "{refusal}");
        }
        assert!(world.erasures().is_empty(), "who stays is on no list");
        assert!(accounts.get(&World::by(), owner).await.is_ok());

        // Who belongs elsewhere too is not theirs alone.
        let place = NewMembership { organization_id: HILLS, manager: false };
        let join = UserChange { membership: Some(place), ..UserChange::default() };
        accounts.change(&World::by(), id(), join).await?;
        let manager = "token-of-account-number-0000000000000050";
        let manager = accounts.bearer(manager, None).await?;
        let refused = accounts.erase(&manager, id()).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        accounts.leave(&World::by(), id(), HILLS).await?;
        accounts.erase(&manager, id()).await?;
        assert_eq!(world.erasures().len(), 1);
        Ok(())
    })
}

#[test]
fn somebody_can_always_do_everything() -> Outcome {
    story(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        let id = |number: u128| UserId::from_uuid(Uuid::from_u128(720 + number));
        for (number, name) in [(1, "first"), (2, "second")] {
            let new = NewUser { superuser: true, ..NewUser::new(id(number), name) };
            accounts.create(&by, new).await?;
        }
        // Both at once: one of them stays.
        let mut erasures = JoinSet::new();
        for number in [1, 2] {
            let (app, person) = (world.app.clone(), id(number));
            erasures.spawn(async move { app.accounts().erase(&World::by(), person).await });
        }
        let mut refused = 0;
        while let Some(erased) = erasures.join_next().await {
            match erased? {
                Ok(_) => {}
                Err(Failure::Refused(Refusal::LastSuperuser)) => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((refused, world.erasures().len()), (1, 1));
        Ok(())
    })
}

#[test]
fn whoever_comes_back_with_a_backup_is_erased_again() -> Outcome {
    story(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        // As a backup has them: they were erased after it was made, and owned something then.
        somebody(world).await?;
        let mut traces = traces(world).await?;
        traces.extend(strangers(world).await?);
        let place = NewMembership { organization_id: HILLS, manager: true };
        let change = UserChange { membership: Some(place), ..UserChange::default() };
        accounts.change(&by, id(), change).await?;
        // Somebody who was erased when the account was closed already.
        let closed = UserId::from_uuid(Uuid::from_u128(703));
        accounts.create(&by, NewUser::new(closed, "closed-before")).await?;
        accounts.remove(&by, closed).await?;
        let nobody = UserId::from_uuid(Uuid::from_u128(999));
        assert_eq!(accounts.erase_again(&[id(), nobody, closed]).await?, 2);
        assert_eq!(accounts.erased().await?, [id(), closed]);
        assert!(matches!(accounts.get(&by, id()).await, Err(Failure::NotFound(_))));
        assert_eq!(accounts.erase_again(&[id(), nobody, closed]).await?, 0, "once is enough");
        overwritten(world).await?;
        assert_nothing_is_left(world, &traces).await?;
        assert_sound(world).await
    })
}

#[test]
fn closed_accounts_are_erased_by_who_may_do_everything() -> Outcome {
    story(async |world| {
        let (accounts, by) = (world.app.accounts(), World::by());
        somebody(world).await?;
        let mut traces = traces(world).await?;
        traces.extend(strangers(world).await?);
        accounts.remove(&by, id()).await?;
        let manager = "token-of-account-number-0000000000000050";
        let manager = accounts.bearer(manager, None).await?;
        let refused = accounts.erase(&manager, id()).await;
        assert!(matches!(refused, Err(Failure::NotFound("User"))), "{refused:?}");
        let contents = accounts.erasable(&by, id()).await?;
        assert_eq!((contents.log_ins, contents.memberships), (7, 0));
        accounts.erase(&by, id()).await?;
        overwritten(world).await?;
        assert_nothing_is_left(world, &traces).await?;
        assert_sound(world).await
    })
}

#[test]
fn log_ins_at_the_same_time_leave_nothing_behind() -> Outcome {
    story(async |world| {
        let (app, by) = (&world.app, World::by());
        somebody(world).await?;
        let traces = traces(world).await?;
        let mut tried = JoinSet::new();
        for number in 0..8 {
            let app = app.clone();
            let word = if number % 2 == 0 { PASSWORD } else { "wrong" };
            // The other names would be nobody's afterwards.
            tried.spawn(async move { app.accounts().log_in_from(USERNAME, word, FROM).await });
        }
        // In the middle of them.
        tried.join_next().await.ok_or("a try")??.ok();
        app.accounts().erase(&by, id()).await?;
        while let Some(one) = tried.join_next().await {
            let one = one?;
            assert!(matches!(one, Ok(_) | Err(Failure::Unauthenticated)), "{one:?}");
        }
        let left = "SELECT 1 FROM log_ins WHERE user_id = $1";
        let left = app.store().fetch(Query::new(left, args![id().as_uuid()])).await?;
        assert!(left.is_empty(), "{}", left.len());
        let events = "SELECT CAST(payload AS text) FROM events WHERE aggregate_type = 'log_in'";
        for row in app.store().fetch(Query::new(events, args![])).await? {
            assert!(!row.text(0)?.contains(&id().to_string()));
        }
        overwritten(world).await?;
        // Tries that began after it are about a name that nobody has.
        let known = traces.iter().filter(|trace| trace.len() != 64).cloned().collect::<Vec<_>>();
        assert_nothing_is_left(world, &known).await?;
        assert_sound(world).await
    })
}

#[test]
fn an_erasure_that_fails_erases_nobody() -> Outcome {
    story(async |world| {
        let (app, by) = (&world.app, World::by());
        somebody(world).await?;
        // Two at once, and a change beside them: one erasure, the other finds nobody.
        let mut erasures = JoinSet::new();
        for _ in 0..2 {
            let app = app.clone();
            erasures.spawn(async move { app.accounts().erase(&World::by(), id()).await });
        }
        let change = UserChange { language: Some("fr".to_owned()), ..UserChange::default() };
        let changed = app.accounts().change(&by, id(), change).await;
        assert!(matches!(changed, Ok(_) | Err(Failure::NotFound(_))), "{changed:?}");
        let mut erased = 0;
        while let Some(one) = erasures.join_next().await {
            match one? {
                Ok(_) => erased += 1,
                Err(Failure::NotFound("User")) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(erased, 1);
        assert!(
            world.erasures().contains(&id().as_uuid()),
            "whoever comes second does not undo it"
        );
        assert_sound(world).await
    })
}

/// Hands the mail over when the person is erased.
struct Slow(App);

#[async_trait]
impl Postman for Slow {
    async fn call(&self, _: &SecretString) -> Result<Box<dyn Delivery>, MailError> {
        let erased = self.0.accounts().erase(&World::by(), id()).await;
        erased.map_err(|failure| MailError::Never(failure.to_string()))?;
        Ok(Box::new(Self(self.0.clone())))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }
}

#[async_trait]
impl Delivery for Slow {
    async fn hand_over(self: Box<Self>, letter: &Letter) -> Result<(), MailError> {
        panic!("{letter:?} leaves for somebody who was erased");
    }
}

#[test]
fn a_mail_that_is_about_to_leave_is_kept_back() -> Outcome {
    story(async |world| {
        somebody(world).await?;
        let mut traces = traces(world).await?;
        traces.extend(strangers(world).await?);
        let postman = Arc::new(Slow(world.app.clone()));
        let worker = Mail::new(world.app.clone(), named("slow"), Some(postman));
        assert_eq!(worker.reconcile().await?.found, 1, "it is the worker's");
        assert_eq!(worker.reconcile().await?.found, 0, "the others are nobody's");
        overwritten(world).await?;
        assert_nothing_is_left(world, &traces).await?;
        assert_sound(world).await
    })
}

#[test]
fn mailed_links_of_somebody_who_was_erased_lead_nowhere() -> Outcome {
    story(async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        let new = NewUser {
            email: Some(EMAIL.to_owned()),
            password: Some(PASSWORD.into()),
            email_verified: Some(false),
            ..NewUser::new(id(), USERNAME)
        };
        accounts.create(&World::by(), new).await?;
        let confirm = key(&post.collect().await?[0].2)?;
        accounts.request_password_reset(USERNAME, PEER.address).await?;
        let reset = key(&post.collect().await?[0].2)?;
        accounts.request_log_in_link(USERNAME, PEER.address).await?;
        let log_in = key(&post.collect().await?[0].2)?;
        accounts.erase(&World::by(), id()).await?;
        assert!(invalid(accounts.confirm_address(&confirm, None).await));
        assert!(invalid(accounts.reset_password(&reset, PASSWORD.into(), "p", None).await));
        assert!(invalid(accounts.log_in_by_link(&log_in, FROM).await));
        accounts.request_password_reset(USERNAME, PEER.address).await?;
        world.later(TimeDelta::minutes(2));
        accounts.request_password_reset(EMAIL, PEER.address).await?;
        assert_eq!(post.collect().await?, []);
        Ok(())
    })
}

#[test]
fn a_manager_erases_everything_of_a_person_within_reach() -> Outcome {
    story(async |world| {
        let accounts = world.app.accounts();
        somebody(world).await?;
        let mut traces = traces(world).await?;
        traces.extend(strangers(world).await?);
        // As at the edge: the database itself bounds what the request sees, where it is asked to.
        let manager = "token-of-account-number-0000000000000050";
        let erased = watched(async {
            let by = accounts.bearer(manager, None).await?;
            let would = accounts.erasable(&by, id()).await?;
            let done = accounts.erase(&by, id()).await?;
            Ok::<_, Failure>((would, done))
        });
        let (would, _) = erased.await?;
        assert_eq!((would.log_ins, would.email_addresses), (7, 2));
        assert_eq!((would.tokens, would.memberships), (1, 1));
        overwritten(world).await?;
        assert_nothing_is_left(world, &traces).await?;
        assert_sound(world).await
    })
}

#[test]
fn no_kept_answer_tells_of_somebody_who_was_erased() -> Outcome {
    story(async |world| {
        let (app, requests) = (&world.app, world.app.requests());
        somebody(world).await?;
        let mut manager =
            app.accounts().bearer("token-of-account-number-0000000000000050", None).await?;
        manager.correlation_id = Some(Uuid::from_u128(7060));
        let begin = async |key: &str| requests.begin(&manager, "PATCH /user/", key, b"asked").await;
        let answer = || GivenAnswer { status: 200, headers: Vec::new(), body: ANSWER.to_owned() };
        // Such that change nothing: no event says whom they are about.
        let Begun::Now(turn) = begin("before").await? else { return Err("it is the first".into()) };
        requests.answer(turn, answer()).await?;
        let heard = begin("before").await?;
        assert!(matches!(&heard, Begun::Before(given) if given.body == ANSWER), "{heard:?}");
        let Begun::Now(late) = begin("late").await? else { return Err("it is the first".into()) };
        let Begun::Now(refused) = begin("refused").await? else {
            return Err("it is the first".into());
        };
        app.accounts().erase(&World::by(), id()).await?;
        let heard = begin("before").await?;
        assert!(matches!(heard, Begun::Lost), "{heard:?}");
        let heard = begin("late").await?;
        assert!(matches!(heard, Begun::Running), "{heard:?}");
        requests.answer(late, answer()).await?;
        let heard = begin("late").await?;
        assert!(matches!(heard, Begun::Lost), "{heard:?}");
        requests.give_up(refused).await?;
        let heard = begin("refused").await?;
        assert!(matches!(heard, Begun::Now(_)), "nothing had happened: {heard:?}");
        // Later ones are kept as ever.
        let Begun::Now(turn) = begin("after").await? else { return Err("it is the first".into()) };
        requests.answer(turn, answer()).await?;
        let heard = begin("after").await?;
        assert!(matches!(heard, Begun::Before(_)), "{heard:?}");
        Ok(())
    })
}
