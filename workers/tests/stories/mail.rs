//! Mailed links: who gets them, what they do, and that no mail is sent twice.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use app::{
    AddressChange, By, Failure, Letter, LinkKey, LogInSelection, MailSettings, NewMembership,
    NewUser, Refusal, Settings, UserChange,
    store::{JobFilter, JobState},
};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    Permission, Permissions, UserId,
    accounts::{LinkPurpose, LogInMethod, LogInOutcome},
    authority::Role,
};
use parking_lot::Mutex;
use projections::{MailJob, Stretch};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wisptrail_workers::{Delivery, Mail, MailError, Owner, Postman, Reconciler as _};

use crate::{
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, PEER, World, with_settings},
};

pub(crate) const PASSWORD: &str = "Correct-Horse-7";
pub(crate) const OTHER: &str = "Battery-Staple-8";

/// What the mail server does with the next mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Takes,
    /// Nobody is there.
    Away,
    /// There is no such mailbox.
    Refuses,
    /// Takes it and says nothing, for ever.
    Silent,
    /// Takes it and hangs up.
    HangsUp,
}

/// A mail server that writes down what it was given.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Inner>);

#[derive(Default)]
struct Inner {
    mood: Mutex<Mood>,
    calls: Mutex<u32>,
    /// Where to, subject and text.
    taken: Mutex<Vec<(String, String, String)>>,
}

#[async_trait]
impl Postman for Server {
    async fn call(&self, _: &SecretString) -> Result<Box<dyn Delivery>, MailError> {
        *self.0.calls.lock() += 1;
        match *self.0.mood.lock() {
            Mood::Away => Err(MailError::Later("nobody is there".to_owned())),
            Mood::Refuses => Err(MailError::Never("no such mailbox".to_owned())),
            _ => Ok(Box::new(self.clone())),
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }
}

#[async_trait]
impl Delivery for Server {
    async fn hand_over(self: Box<Self>, letter: &Letter) -> Result<(), MailError> {
        self.0.taken.lock().push((
            letter.to.expose_secret().to_owned(),
            letter.subject.clone(),
            letter.text.expose_secret().to_owned(),
        ));
        let mood = *self.0.mood.lock();
        match mood {
            Mood::Silent => std::future::pending().await,
            Mood::HangsUp => Err(MailError::Doubtful("it hung up".to_owned())),
            _ => Ok(()),
        }
    }
}

/// A story with a mail server and the worker that speaks to it.
pub(crate) struct Post<'a> {
    world: &'a World,
    server: Server,
    worker: Mail,
}

impl<'a> Post<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        let server = Server::default();
        let worker = Self::worker(world, &server, "post");
        Self { world, server, worker }
    }

    fn worker(world: &World, server: &Server, owner: &str) -> Mail {
        Mail::new(world.app.clone(), named(owner), Some(Arc::new(server.clone())))
    }

    /// What the server does from now on.
    pub(crate) fn becomes(&self, mood: Mood) {
        *self.server.0.mood.lock() = mood;
    }

    /// Lets everything leave that is due, and tells what the server was given since the last time.
    pub(crate) async fn collect(&self) -> Outcome<Vec<(String, String, String)>> {
        self.world.app.followers().catch_up().await?;
        for _ in 0..100 {
            if self.worker.reconcile().await?.found == 0 {
                return Ok(std::mem::take(&mut *self.server.0.taken.lock()));
            }
        }
        Err("there is always another mail".into())
    }

    /// The key in the only mail that was sent.
    async fn key(&self) -> Outcome<LinkKey> {
        let mails = self.collect().await?;
        assert_eq!(mails.len(), 1, "one mail");
        key(&mails[0].2)
    }

    pub(crate) async fn states(&self) -> Outcome<Vec<(JobState, Option<String>)>> {
        let filter = JobFilter { kinds: vec![MailJob::KIND.to_owned()], ..JobFilter::default() };
        let jobs = self.world.app.jobs().list(&filter, 100).await?;
        Ok(jobs.into_iter().map(|job| (job.state, job.error)).collect())
    }

    async fn reset_key(&self, name: &str) -> Outcome<LinkKey> {
        self.world.app.accounts().request_password_reset(name, PEER.address).await?;
        self.key().await
    }
}

/// The key in the link of a mail.
pub(crate) fn key(text: &str) -> Outcome<LinkKey> {
    let link =
        text.split_whitespace().find(|word| word.starts_with("https://")).ok_or("no link")?;
    assert!(link.starts_with("https://wifi.example.org/accounts/"), "{link}");
    let key = link.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    Ok(LinkKey::parse(key).ok_or("no key")?)
}

pub(crate) fn named(owner: &str) -> Owner {
    Owner { name: owner.to_owned(), stop: CancellationToken::new() }
}

pub(crate) fn settings() -> Settings {
    Settings {
        mail: MailSettings { enabled: true, ..MailSettings::default() },
        public_url: Some("https://wifi.example.org".to_owned()),
        ..Settings::default()
    }
}

pub(crate) fn id(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number << 64))
}

/// Rita, whose address is known to be hers.
pub(crate) fn rita() -> NewUser {
    NewUser {
        email: Some("rita@example.org".to_owned()),
        email_verified: Some(true),
        password: Some(PASSWORD.into()),
        memberships: vec![NewMembership { organization_id: HARBOUR, manager: false }],
        ..NewUser::new(id(9), "rita")
    }
}

pub(crate) fn invalid<T>(result: Result<T, Failure>) -> bool {
    matches!(result, Err(Failure::Refused(Refusal::InvalidLink)))
}

#[test]
fn a_forgotten_password_is_replaced_by_mail() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        accounts.create(&World::by(), rita()).await?;
        let token = accounts.log_in("rita", PASSWORD).await?;

        // The same for somebody who does not exist, but for the mail.
        accounts.request_password_reset("nobody-here", PEER.address).await?;
        assert_eq!(post.collect().await?, []);
        assert_eq!(post.states().await?, [(JobState::Done, None)]);

        accounts.request_password_reset(" Rita@Example.org ", PEER.address).await?;
        accounts.request_password_reset("rita@example.org", PEER.address).await?;
        let mails = post.collect().await?;
        assert_eq!(mails.len(), 2, "two spellings");
        assert_eq!(mails[0].0, "rita@example.org");
        let (first, second) = (key(&mails[0].2)?, key(&mails[1].2)?);

        let wrong = LinkKey::parse(&format!("{}-{}", id(9).as_uuid().simple(), "0".repeat(64)));
        let wrong = wrong.ok_or("a key")?;
        assert!(invalid(accounts.reset_password(&wrong, OTHER.into(), "password", None).await));
        let foreign = LinkKey::parse(&format!("{}-0", id(8).as_uuid().simple())).ok_or("a key")?;
        assert!(invalid(accounts.reset_password(&foreign, OTHER.into(), "password", None).await));
        assert!(invalid(accounts.log_in_by_link(&first, None).await), "for another purpose");
        let weak = accounts.reset_password(&first, "short".into(), "password", None).await;
        assert!(matches!(weak, Err(Failure::Invalid(_))));
        let same = accounts.reset_password(&first, PASSWORD.into(), "password", None).await;
        assert!(matches!(same, Err(Failure::Refused(Refusal::SamePassword))));

        accounts.reset_password(&first, OTHER.into(), "password", None).await?;
        assert!(invalid(accounts.reset_password(&first, PASSWORD.into(), "password", None).await));
        let other = accounts.reset_password(&second, PASSWORD.into(), "password", None).await;
        assert!(invalid(other), "the password that it belonged to is gone");
        assert!(matches!(accounts.authenticate(&token).await, Err(Failure::Unauthenticated)));
        assert!(matches!(accounts.log_in("rita", PASSWORD).await, Err(Failure::Unauthenticated)));
        accounts.log_in("rita", OTHER).await?;
        Ok(())
    })
}

#[test]
fn of_two_who_open_a_link_at_once_one_comes_through() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        accounts.create(&World::by(), rita()).await?;
        accounts.request_log_in_link("rita", PEER.address).await?;
        let key = post.key().await?;
        let (one, two) = futures::join!(
            accounts.log_in_by_link(&key, None),
            accounts.log_in_by_link(&key, None)
        );
        let (token, lost) = match (one, two) {
            (Ok(token), lost) | (lost, Ok(token)) => (token, lost),
            other => panic!("{other:?}"),
        };
        assert!(invalid(lost));
        assert_eq!(token, accounts.log_in("rita", PASSWORD).await?);
        Ok(())
    })
}

#[test]
fn a_log_in_by_link_is_a_fact_and_wrong_ones_are_bounded() -> Outcome {
    let mut settings = settings();
    settings.accounts.failures_per_account = 3;
    with_settings(&settings, async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        accounts.create(&World::by(), rita()).await?;
        accounts.request_log_in_link("rita", PEER.address).await?;
        let key = post.key().await?;
        accounts.log_in_by_link(&key, Some(PEER)).await?;
        assert!(invalid(accounts.log_in_by_link(&key, Some(PEER)).await), "used");
        let nobodys = LinkKey::parse(&format!("{}-0", id(8).as_uuid().simple())).ok_or("a key")?;
        assert!(invalid(accounts.log_in_by_link(&nobodys, Some(PEER)).await));
        let closed = UserChange { active: Some(false), ..UserChange::default() };
        accounts.change(&World::by(), id(9), closed).await?;
        assert!(invalid(accounts.log_in_by_link(&key, Some(PEER)).await));

        let stretch = Stretch { limit: 10, ..Stretch::default() };
        let tries = accounts.log_ins(&World::by(), LogInSelection::default(), stretch).await?;
        let told: Vec<_> = tries.rows.iter().map(|(_, one)| (one.user_id, one.outcome)).collect();
        let expected = [
            (Some(id(9)), LogInOutcome::Inactive),
            (None, LogInOutcome::UnknownAccount),
            (Some(id(9)), LogInOutcome::WrongPassword),
            (Some(id(9)), LogInOutcome::Succeeded),
        ];
        assert_eq!(told, expected);
        assert!(
            tries.rows.iter().all(
                |(_, one)| one.method == LogInMethod::Link && one.address == Some(PEER.address)
            )
        );

        for _ in 0..2 {
            assert!(invalid(accounts.log_in_by_link(&nobodys, Some(PEER)).await));
        }
        let bounded = accounts.log_in_by_link(&nobodys, Some(PEER)).await;
        assert!(matches!(bounded, Err(Failure::Throttled(_))), "{bounded:?}");
        Ok(())
    })
}

#[test]
fn links_end_with_their_time() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        let new = NewUser { email_verified: Some(false), ..rita() };
        accounts.create(&World::by(), new).await?;
        let confirmation = post.key().await?;
        let reset = post.reset_key("rita").await?;
        accounts.request_log_in_link("rita", PEER.address).await?;
        let log_in = post.key().await?;
        let works = async || {
            Ok::<_, Failure>([
                accounts.link_works(&confirmation, LinkPurpose::Confirmation).await?,
                accounts.link_works(&reset, LinkPurpose::PasswordReset).await?,
                accounts.link_works(&log_in, LinkPurpose::LogIn).await?,
            ])
        };
        assert_eq!(works().await?, [true, true, true]);
        world.later(TimeDelta::minutes(31));
        assert_eq!(works().await?, [true, true, false]);
        assert!(invalid(accounts.log_in_by_link(&log_in, None).await));
        world.later(TimeDelta::minutes(30));
        assert_eq!(works().await?, [true, false, false]);
        assert!(invalid(accounts.reset_password(&reset, OTHER.into(), "password", None).await));
        world.later(TimeDelta::days(3));
        assert_eq!(works().await?, [false, false, false]);
        assert!(invalid(accounts.confirm_address(&confirmation, None).await));
        Ok(())
    })
}

#[test]
fn links_belong_to_a_password_an_address_and_an_account_that_works() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post, by) = (world.app.accounts(), Post::new(world), World::by());
        accounts.create(&by, rita()).await?;
        let reset = post.reset_key("rita").await?;
        let own =
            By::new(accounts.authenticate(&accounts.log_in("rita", PASSWORD).await?).await?, None);
        accounts.change_password(&own, id(9), Some(PASSWORD.into()), OTHER.into(), "p").await?;
        assert!(invalid(accounts.reset_password(&reset, PASSWORD.into(), "p", None).await));

        world.later(TimeDelta::minutes(2));
        let reset = post.reset_key("rita").await?;
        let listed = accounts.addresses(&by, id(9)).await?[0].number;
        accounts.remove_address(&by, id(9), listed).await?;
        assert!(accounts.link_works(&reset, LinkPurpose::PasswordReset).await?, "still its e-mail");
        let change =
            UserChange { email: Some("other@example.org".to_owned()), ..UserChange::default() };
        accounts.change(&by, id(9), change).await?;
        assert!(!accounts.link_works(&reset, LinkPurpose::PasswordReset).await?);

        world.later(TimeDelta::minutes(2));
        let reset = post.reset_key("rita").await?;
        let active = |active| UserChange { active: Some(active), ..UserChange::default() };
        accounts.change(&by, id(9), active(false)).await?;
        assert!(invalid(accounts.reset_password(&reset, PASSWORD.into(), "p", None).await));
        accounts.request_log_in_link("rita", PEER.address).await?;
        assert_eq!(post.collect().await?, [], "nothing for accounts that do not work");
        Ok(())
    })
}

#[test]
fn who_reads_the_old_mailbox_gets_nothing_after_a_change() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post, by) = (world.app.accounts(), Post::new(world), World::by());
        let to =
            |email: &str| UserChange { email: Some(email.to_owned()), ..UserChange::default() };
        accounts.create(&by, rita()).await?;
        let reset = post.reset_key("rita").await?;
        accounts.change(&by, id(9), to("rita@example.net")).await?;
        assert!(!accounts.link_works(&reset, LinkPurpose::PasswordReset).await?);
        let confirm = post.collect().await?;
        assert_eq!(confirm.len(), 1, "the new one is to be confirmed");
        assert_eq!(confirm[0].0, "rita@example.net");
        let listed = accounts.addresses(&by, id(9)).await?;
        let told: Vec<_> = listed.iter().map(|it| (it.address.as_str(), it.verified)).collect();
        assert_eq!(told, [("rita@example.net", false)]);

        world.later(TimeDelta::minutes(2));
        accounts.request_password_reset("rita@example.net", PEER.address).await?;
        let mails = post.collect().await?;
        let to_whom: Vec<_> = mails.iter().map(|mail| mail.0.as_str()).collect();
        assert_eq!(to_whom, ["rita@example.net"]);

        // One that is listed already takes the place of the old one.
        accounts.confirm_address(&key(&confirm[0].2)?, None).await?;
        let (number, _) = accounts.add_address(&by, id(9), "rita@example.com", false).await?;
        let verified = AddressChange { verified: Some(true), ..AddressChange::default() };
        accounts.change_address(&by, id(9), number, verified).await?;
        accounts.change(&by, id(9), to("rita@example.com")).await?;
        let listed = accounts.addresses(&by, id(9)).await?;
        assert_eq!(listed.len(), 1);
        assert!(listed[0].number == number && listed[0].primary, "mail goes there");
        accounts.change(&by, id(9), to("")).await?;
        assert_eq!(accounts.addresses(&by, id(9)).await?.len(), 0);
        Ok(())
    })
}

#[test]
fn an_address_is_confirmed_by_whoever_reads_its_mail() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post, by) = (world.app.accounts(), Post::new(world), World::by());
        accounts.create(&by, rita()).await?;
        assert_eq!(post.collect().await?, [], "it was verified from the start");
        let ursula = NewUser {
            email: Some("ursula@example.org".to_owned()),
            email_verified: Some(false),
            language: "it".to_owned(),
            ..NewUser::new(id(10), "ursula")
        };
        accounts.create(&by, ursula).await?;
        let mails = post.collect().await?;
        assert_eq!(mails.len(), 1);
        assert!(mails[0].1.starts_with("Conferma"), "{}", mails[0].1);
        let first = key(&mails[0].2)?;

        let number = accounts.addresses(&by, id(10)).await?[0].number;
        accounts
            .change_address(
                &by,
                id(10),
                number,
                AddressChange { address: Some("ursula@example.com"), ..Default::default() },
            )
            .await?;
        assert!(invalid(accounts.confirm_address(&first, None).await), "another address by now");
        let second = post.key().await?;
        accounts.confirm_address(&second, None).await?;
        assert!(accounts.address(&by, id(10), number).await?.verified);
        assert!(invalid(accounts.confirm_address(&second, None).await));
        world.later(TimeDelta::minutes(2));
        let again = accounts.resend_confirmation(&by, id(10), number).await;
        assert!(matches!(again, Err(Failure::Invalid(_))), "it is verified");
        Ok(())
    })
}

#[test]
fn an_address_is_verified_by_somebody_else_who_answers_for_it() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        let mut managers = Vec::new();
        for (number, place) in [(1, HARBOUR), (2, HILLS)] {
            account(world, number, &[Role::Administrator], &[(place, true)]).await?;
            let further = Permissions::NONE
                .with(Permission::ViewEmailAddress)
                .with(Permission::AddEmailAddress)
                .with(Permission::ChangeEmailAddress);
            let change = UserChange { permissions: Some(further), ..UserChange::default() };
            accounts
                .change(&World::by(), UserId::from_uuid(Uuid::from_u128(100 + number)), change)
                .await?;
            let token = format!("token-of-account-number-{number:016}");
            managers.push(By::new(accounts.authenticate(&token).await?, None));
        }
        let (manager, stranger) = (&managers[0], &managers[1]);
        let own = UserId::from_uuid(Uuid::from_u128(101));
        accounts.create(&World::by(), rita()).await?;
        let (number, _) = accounts.add_address(manager, id(9), "rita@example.net", false).await?;
        assert_eq!(post.collect().await?.len(), 1, "she is asked");

        let verified = AddressChange { verified: Some(true), ..AddressChange::default() };
        let refused = accounts.change_address(stranger, id(9), number, verified).await;
        assert!(matches!(refused, Err(Failure::NotFound(_))), "{refused:?}");
        let doubt = AddressChange { verified: Some(false), ..verified };
        let refused = accounts.change_address(manager, id(9), number, doubt).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        accounts.change_address(manager, id(9), number, verified).await?;
        assert!(accounts.address(manager, id(9), number).await?.verified);

        // Nobody answers for himself.
        let (mine, _) = accounts.add_address(manager, own, "boss@example.net", false).await?;
        let refused = accounts.change_address(manager, own, mine, verified).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        assert!(!accounts.address(manager, own, mine).await?.verified);
        Ok(())
    })
}

#[test]
fn another_confirmation_is_asked_for_by_those_who_may() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        let manager = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let stranger = account(world, 2, &[Role::Administrator], &[(HILLS, true)]).await?;
        let new = NewUser { email_verified: Some(false), ..rita() };
        accounts.create(&World::by(), new).await?;
        assert_eq!(post.collect().await?.len(), 1);
        let own =
            By::new(accounts.authenticate(&accounts.log_in("rita", PASSWORD).await?).await?, None);
        let number = accounts.addresses(&World::by(), id(9)).await?[0].number;

        for (who, minutes) in [(&manager, 2), (&own, 2)] {
            world.later(TimeDelta::minutes(minutes));
            accounts.resend_confirmation(who, id(9), number).await?;
            accounts.resend_confirmation(who, id(9), number).await?;
            assert_eq!(post.collect().await?.len(), 1, "once a minute");
        }
        let refused = accounts.resend_confirmation(&stranger, id(9), number).await;
        assert!(matches!(refused, Err(Failure::NotFound(_))));
        let refused = accounts.resend_confirmation(&stranger, id(77), number).await;
        assert!(matches!(refused, Err(Failure::NotFound(_))));
        let refused = accounts.resend_confirmation(&own, id(9), number + 1).await;
        assert!(matches!(refused, Err(Failure::NotFound(_))));
        Ok(())
    })
}

#[test]
fn what_failed_is_tried_again_and_told_in_the_end() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        accounts.create(&World::by(), rita()).await?;
        post.becomes(Mood::Away);
        accounts.request_password_reset("rita", PEER.address).await?;
        assert_eq!(post.collect().await?, []);
        assert_eq!(post.states().await?, [(JobState::Queued, Some("nobody is there".to_owned()))]);
        assert_eq!(*post.server.0.calls.lock(), 1, "the next attempt has its time");
        world.later(TimeDelta::seconds(20));
        assert_eq!(post.collect().await?, []);
        assert_eq!(*post.server.0.calls.lock(), 2);
        world.later(TimeDelta::seconds(20));
        assert_eq!(post.collect().await?, []);
        assert_eq!(*post.server.0.calls.lock(), 2, "pauses grow");
        post.becomes(Mood::Takes);
        world.later(TimeDelta::seconds(20));
        let key = post.key().await?;
        assert_eq!(post.states().await?, [(JobState::Done, None)]);
        world.later(TimeDelta::minutes(59));
        let works = accounts.link_works(&key, LinkPurpose::PasswordReset).await?;
        assert!(works, "its hour begins when the mail leaves");

        post.becomes(Mood::Refuses);
        accounts.request_password_reset("rita", PEER.address).await?;
        assert_eq!(post.collect().await?, []);
        assert_eq!(post.states().await?[0], (JobState::Failed, Some("no such mailbox".to_owned())));

        post.becomes(Mood::Away);
        world.later(TimeDelta::minutes(2));
        accounts.request_password_reset("rita", PEER.address).await?;
        assert_eq!(post.collect().await?, []);
        world.later(TimeDelta::minutes(61));
        assert_eq!(post.collect().await?, []);
        let (state, error) = post.states().await?.swap_remove(0);
        assert_eq!(state, JobState::Failed);
        assert!(error.is_some_and(|error| error.contains("in time")));
        Ok(())
    })
}

#[test]
fn a_mail_that_may_have_left_is_not_sent_again() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        accounts.create(&World::by(), rita()).await?;
        post.becomes(Mood::HangsUp);
        accounts.request_password_reset("rita", PEER.address).await?;
        assert_eq!(post.collect().await?.len(), 1);
        assert_eq!(post.states().await?, [(JobState::Failed, Some("it hung up".to_owned()))]);

        // The program is killed while the server has the mail and says nothing.
        post.becomes(Mood::Silent);
        world.later(TimeDelta::minutes(2));
        accounts.request_password_reset("rita", PEER.address).await?;
        {
            let mut leaving = post.worker.reconcile();
            let has_it = World::until("the server has it", async || {
                Ok(!post.server.0.taken.lock().is_empty())
            });
            tokio::select! {
                ended = &mut leaving => panic!("{ended:?}"),
                has_it = has_it => has_it?,
            }
        }
        assert_eq!(post.server.0.taken.lock().drain(..).count(), 1);
        post.becomes(Mood::Takes);
        let next = Post::worker(world, &post.server, "the next process");
        assert_eq!(next.reconcile().await?.found, 0, "it may still be alive");
        world.later(TimeDelta::minutes(2));
        assert_eq!(next.reconcile().await?.found, 1);
        assert_eq!(*post.server.0.taken.lock(), []);
        let (state, error) = post.states().await?.swap_remove(0);
        assert_eq!(state, JobState::Failed);
        assert!(error.is_some_and(|error| error.contains("while the mail was leaving")));
        assert_eq!(next.reconcile().await?.found, 0);
        Ok(())
    })
}

#[test]
fn a_kill_before_a_mail_leaves_loses_nothing() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        accounts.create(&World::by(), rita()).await?;
        accounts.request_password_reset("rita", PEER.address).await?;
        // Leased, and nothing else.
        let now = world.now();
        let hold = Duration::from_mins(1);
        let leased = world.app.jobs().lease(&[MailJob::KIND], "dead", now, hold).await?;
        assert!(leased.is_some());
        assert_eq!(post.collect().await?, []);
        world.later(TimeDelta::minutes(2));
        assert_eq!(post.collect().await?.len(), 1);
        assert_eq!(post.states().await?, [(JobState::Done, None)]);
        Ok(())
    })
}

#[test]
fn secrets_of_mails_stand_nowhere_in_clear() -> Outcome {
    with_settings(&settings(), async |world| {
        let (accounts, post) = (world.app.accounts(), Post::new(world));
        accounts.create(&World::by(), rita()).await?;
        accounts.request_password_reset("rita@example.org", PEER.address).await?;
        let mails = post.collect().await?;
        let key = key(&mails[0].2)?;
        let (_, token) = mails[0].2.split_once("/key/").ok_or("a link")?;
        let token =
            token.split('/').next().and_then(|key| key.split('-').nth(1)).ok_or("a token")?;
        assert_eq!(token.len(), 64, "256 bits");
        let mut stored = String::new();
        for event in world.app.store().stream("user", &id(9).to_string(), 0).await? {
            stored.push_str(&event.payload);
        }
        let filter = JobFilter::default();
        for job in world.app.jobs().list(&filter, 100).await? {
            stored.push_str(&job.payload);
            stored.push_str(&job.key);
        }
        assert!(stored.contains("link_issued"), "{stored}");
        for secret in [token, "rita@example.org", PASSWORD] {
            assert!(!stored.contains(secret), "{stored}");
        }
        assert!(!format!("{key:?}").contains(token));
        Ok(())
    })
}

#[test]
fn without_mail_nothing_is_promised() -> Outcome {
    with_settings(&Settings::default(), async |world| {
        let accounts = world.app.accounts();
        accounts.create(&World::by(), NewUser { email_verified: Some(false), ..rita() }).await?;
        let asked = accounts.request_password_reset("rita", PEER.address).await;
        assert!(matches!(asked, Err(Failure::Refused(Refusal::NoMail))));
        let asked = accounts.request_log_in_link("nobody", PEER.address).await;
        assert!(matches!(asked, Err(Failure::Refused(Refusal::NoMail))));
        let worker = Mail::new(world.app.clone(), named("post"), None);
        world.app.followers().catch_up().await?;
        assert_eq!(worker.reconcile().await?.found, 1);
        let jobs = world.app.jobs().list(&JobFilter::default(), 10).await?;
        assert_eq!(jobs[0].state, JobState::Failed);
        assert!(jobs[0].error.as_deref().is_some_and(|error| error.contains("mail.smtp_host")));
        Ok(())
    })
}

#[test]
fn a_client_asks_for_so_many_mails_and_no_more() -> Outcome {
    let mail = MailSettings { enabled: true, requests_per_hour: 3, ..MailSettings::default() };
    with_settings(&Settings { mail, ..settings() }, async |world| {
        let accounts = world.app.accounts();
        for name in ["a", "b", "c"] {
            accounts.request_password_reset(name, PEER.address).await?;
        }
        let asked = accounts.request_log_in_link("d", PEER.address).await;
        assert!(matches!(asked, Err(Failure::RateLimited)));
        let elsewhere = "198.51.100.4".parse()?;
        accounts.request_log_in_link("d", elsewhere).await?;
        Ok(())
    })
}

#[test]
fn whoever_has_to_choose_another_password_soon_is_told_once() -> Outcome {
    let mut settings = settings();
    settings.accounts.password_days = 30;
    settings.accounts.staff_password_days = 10;
    settings.accounts.password_reminder_days = 3;
    with_settings(&settings, async |world| {
        let (accounts, post, by) = (world.app.accounts(), Post::new(world), World::by());
        let staff = NewUser {
            email: Some("sam@example.org".to_owned()),
            staff: true,
            password: Some(PASSWORD.into()),
            ..NewUser::new(id(10), "sam")
        };
        accounts.create(&by, rita()).await?;
        accounts.create(&by, staff).await?;
        accounts.create(&by, NewUser::new(id(11), "no-password")).await?;
        let remind = async || {
            world.app.mails().remind().await?;
            let mails = post.collect().await?;
            Outcome::Ok(mails.into_iter().map(|mail| (mail.0, mail.2)).collect::<BTreeMap<_, _>>())
        };
        assert!(remind().await?.is_empty());
        world.later(TimeDelta::days(8));
        let told = remind().await?;
        assert_eq!(told.keys().collect::<Vec<_>>(), ["sam@example.org"]);
        assert!(told["sam@example.org"].contains("Days left: 2"), "{told:?}");
        assert!(remind().await?.is_empty(), "once");
        world.later(TimeDelta::days(1));
        assert!(remind().await?.is_empty(), "once for each password");
        accounts.change_password(&by, id(10), None, OTHER.into(), "p").await?;
        world.later(TimeDelta::days(9));
        assert_eq!(remind().await?.len(), 1, "for the next password");
        world.later(TimeDelta::days(10));
        assert_eq!(remind().await?.keys().collect::<Vec<_>>(), ["rita@example.org"]);
        Ok(())
    })
}
