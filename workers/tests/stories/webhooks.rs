//! Webhooks: what is delivered, in which order, and what happens when it cannot be.

use std::{sync::Arc, time::Duration};

use app::{
    By, DeviceChange, Failure, GroupChange, HistoryPage, MailSettings, NewGroup, NewMembership,
    NewUser, NewWebhook, ObjectRef, Outgoing, Settings, WebhookChange, WebhookSettings,
};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    Document, GroupId, OrganizationId, UserId, WebhookId,
    authority::Role,
    webhook::{WebhookSelection, WhyDisabled},
};
use parking_lot::Mutex;
use projections::{
    MailJob, Stretch,
    webhook::{DeliveryFilter, DeliveryKind, DeliveryRow, DeliveryState, WebhookState},
};
use serde_json::Value;
use store::{EventFilter, JobFilter};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wisptrail_workers::{Answer, Courier, DeliverEvents, Owner, Reconciler as _};

use crate::{
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, World, on_each_database, with_settings},
};

const HOOK: WebhookId = WebhookId::from_uuid(Uuid::from_u128(700));
const URL: &str = "https://hooks.example.org/in?key=word";

/// A request that came.
#[derive(Clone, Debug)]
struct Came {
    url: String,
    id: String,
    signatures: String,
    event: Value,
    answered: u16,
}

impl Came {
    fn text(&self, field: &str) -> &str {
        self.event[field].as_str().unwrap_or_default()
    }

    fn position(&self) -> i64 {
        self.text("position").parse().unwrap_or_default()
    }
}

type Mood = Box<dyn Fn(&Value) -> u16 + Send>;

/// A receiver that does what the story wants, and writes down what it was given.
struct Receiver {
    mood: Mutex<Mood>,
    came: Mutex<Vec<Came>>,
}

#[async_trait]
impl Courier for Receiver {
    async fn send(&self, outgoing: Outgoing) -> Answer {
        let header = |name: &str| {
            let found = outgoing.headers.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let event: Value = serde_json::from_slice(&outgoing.body).expect("JSON");
        let status = (self.mood.lock())(&event);
        self.came.lock().push(Came {
            url: outgoing.url.clone(),
            id: header("webhook-id"),
            signatures: header("webhook-signature"),
            event,
            answered: status,
        });
        match status {
            0 => Answer::Nothing("nobody is there".to_owned()),
            status => Answer::Status { status, later: None },
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(15)
    }
}

/// A story with a receiver and the worker that delivers to it.
struct Post<'a> {
    world: &'a World,
    receiver: Arc<Receiver>,
    worker: DeliverEvents,
}

impl<'a> Post<'a> {
    fn new(world: &'a World) -> Self {
        let receiver =
            Arc::new(Receiver { mood: Mutex::new(Box::new(|_| 204)), came: Mutex::default() });
        let owner = Owner { name: "post/1".to_owned(), stop: CancellationToken::new() };
        let worker = DeliverEvents::new(world.app.clone(), owner, receiver.clone(), 4);
        Self { world, receiver, worker }
    }

    fn answers(&self, mood: impl Fn(&Value) -> u16 + Send + 'static) {
        *self.receiver.mood.lock() = Box::new(mood);
    }

    /// Lets everything leave that is due, and tells what came since the last time.
    async fn collect(&self) -> Outcome<Vec<Came>> {
        self.world.settle().await?;
        for _ in 0..100 {
            let found = self.worker.reconcile().await?.found;
            self.worker.settled().await;
            if found == 0 {
                return Ok(std::mem::take(&mut *self.receiver.came.lock()));
            }
        }
        Err("there is always another delivery".into())
    }

    async fn webhook(
        &self,
        organization: Option<OrganizationId>,
        types: &[&str],
    ) -> Outcome<String> {
        let secret =
            self.world.app.webhooks().create(&World::by(), new(organization, types)).await?.0;
        Ok(secrecy::ExposeSecret::expose_secret(&secret.ok_or("no secret")?).to_owned())
    }

    async fn deliveries(&self, filter: DeliveryFilter) -> Outcome<Vec<DeliveryRow>> {
        let stretch = Stretch { limit: 100, ..Stretch::default() };
        let webhooks = self.world.app.webhooks();
        let found = webhooks.deliveries(&World::by(), HOOK, filter, stretch).await?;
        Ok(found.rows.into_iter().map(|(_, row)| row).collect())
    }

    async fn state(&self) -> Outcome<(WebhookState, Option<WhyDisabled>)> {
        let row = self.world.app.webhooks().get(&World::by(), HOOK).await?;
        Ok((row.state, row.disabled.map(|(why, _)| why)))
    }
}

fn new(organization_id: Option<OrganizationId>, types: &[&str]) -> NewWebhook {
    NewWebhook {
        id: HOOK,
        organization_id,
        name: "tickets".to_owned(),
        url: URL.to_owned(),
        selection: WebhookSelection {
            types: types.iter().map(|one| (*one).to_owned()).collect(),
            ..WebhookSelection::default()
        },
        secret: None,
    }
}

fn group(number: u128) -> GroupId {
    GroupId::from_uuid(Uuid::from_u128(800 + number))
}

async fn made(world: &World, number: u128, organization_id: OrganizationId) -> Outcome {
    let new = NewGroup {
        id: group(number),
        organization_id,
        name: format!("group-{number}"),
        description: String::new(),
        templates: Vec::new(),
        context: Document::new(),
        meta_data: Document::new(),
    };
    world.app.groups().create(&World::by(), new).await?;
    Ok(())
}

async fn described(world: &World, number: u128, description: &str) -> Outcome {
    let description = Some(description.to_owned());
    let change = GroupChange { description, ..GroupChange::default() };
    world.app.groups().change(&World::by(), group(number), change).await?;
    Ok(())
}

fn told(came: &[Came]) -> Vec<(String, String)> {
    let told = |one: &Came| (one.text("type").to_owned(), one.text("streamsequence").to_owned());
    came.iter().map(told).collect()
}

#[test]
fn an_organization_is_told_what_is_its_own() -> Outcome {
    on_each_database(async |world| {
        let post = Post::new(world);
        made(world, 1, HARBOUR).await?;
        let secret = post.webhook(Some(HARBOUR), &[]).await?;
        assert!(secret.starts_with("whsec_"));
        let device = world.register(HARBOUR, 1).await?.device_id;
        world.register(HILLS, 2).await?;
        made(world, 2, HILLS).await?;
        described(world, 1, "roofs").await?;
        let shared = world.template(11, None, "x\n", (false, false)).await?;
        assert!(shared.as_uuid() != Uuid::nil());

        let came = post.collect().await?;
        assert!(came.iter().all(|one| one.url == URL));
        let own = HARBOUR.to_string();
        assert!(came.iter().all(|one| one.text("organization") == own), "{came:?}");
        let kinds = told(&came);
        for kind in
            ["device.registered", "configuration.created", "device_group.description_changed"]
        {
            assert!(kinds.iter().any(|(name, _)| name == kind), "{kind}: {kinds:?}");
        }
        // It was before.
        assert!(!kinds.iter().any(|(name, _)| name == "device_group.created"), "{kinds:?}");
        // As streams tell it.
        let registered = came.iter().find(|one| one.text("type") == "device.registered");
        let data = &registered.ok_or("it came")?.event["data"]["registered"];
        assert_eq!(data["key"]["masked"], "sealed", "{data}");
        let whole: String = came.iter().map(|one| one.event.to_string()).collect();
        assert!(!whole.contains("key-of-device") && !whole.contains("$enc"), "{whole}");

        // What moves away takes its future with it.
        let moved = DeviceChange { organization_id: Some(HILLS), ..DeviceChange::default() };
        world.app.devices().change(&World::by(), device, moved).await?;
        let name = Some("elsewhere".to_owned());
        let renamed = DeviceChange { name, ..DeviceChange::default() };
        world.app.devices().change(&World::by(), device, renamed).await?;
        let came = post.collect().await?;
        assert!(came.iter().all(|one| one.text("organization") == own), "{came:?}");
        assert!(!came.iter().any(|one| one.event.to_string().contains("elsewhere")), "{came:?}");
        assert_eq!(post.collect().await?.len(), 0, "nothing twice");
        Ok(())
    })
}

#[test]
fn superusers_may_be_told_everything() -> Outcome {
    on_each_database(async |world| {
        let post = Post::new(world);
        post.webhook(None, &[]).await?;
        world.register(HARBOUR, 1).await?;
        world.register(HILLS, 2).await?;
        account(world, 1, &[Role::Operator], &[(HILLS, true)]).await?;
        let head = world.app.store().head();
        let came = post.collect().await?;
        let mut positions: Vec<i64> = came.iter().map(Came::position).collect();
        positions.sort_unstable();
        let begins = positions.first().copied().unwrap_or_default();
        assert!(head - begins > 5, "{positions:?}");
        let all: Vec<i64> = (begins..=world.app.store().head()).collect();
        assert_eq!(positions, all, "every one once");
        assert!(came.iter().any(|one| one.text("type") == "user.created"));
        let whole: String = came.iter().map(|one| one.event.to_string()).collect();
        assert!(!whole.contains("account-1") && !whole.contains("$enc"), "{whole}");

        // The same, but of one organization, and of some kinds.
        let selection = WebhookSelection {
            organizations: vec![HILLS],
            aggregates: vec!["device_group".to_owned()],
            types: Vec::new(),
        };
        let change = WebhookChange { selection: Some(selection), ..WebhookChange::default() };
        world.app.webhooks().change(&World::by(), HOOK, change).await?;
        made(world, 1, HARBOUR).await?;
        made(world, 2, HILLS).await?;
        world.register(HILLS, 3).await?;
        let came = post.collect().await?;
        assert_eq!(told(&came), [("device_group.created".to_owned(), "1".to_owned())]);
        assert_eq!(came[0].text("subject"), format!("device_group/{}", group(2)));
        Ok(())
    })
}

#[test]
fn what_fails_holds_back_its_own_stream_and_nothing_else() -> Outcome {
    on_each_database(async |world| {
        let post = Post::new(world);
        post.webhook(Some(HARBOUR), &[]).await?;
        for number in [1, 2] {
            made(world, number, HARBOUR).await?;
        }
        post.collect().await?;
        let first = format!("device_group/{}", group(1));
        let broken = first.clone();
        post.answers(move |event| if event["subject"] == broken.as_str() { 503 } else { 200 });
        for text in ["a", "b", "c"] {
            described(world, 1, text).await?;
            described(world, 2, text).await?;
        }
        let came = post.collect().await?;
        let of = |came: &[Came], subject: &str| -> Vec<(String, u16)> {
            let of = came.iter().filter(|one| one.text("subject") == subject);
            of.map(|one| (one.text("streamsequence").to_owned(), one.answered)).collect()
        };
        assert_eq!(of(&came, &first), [("2".to_owned(), 503)], "the others wait for it");
        let second = of(&came, &format!("device_group/{}", group(2)));
        assert_eq!(second, [2, 3, 4].map(|sequence| (sequence.to_string(), 200)));
        assert_eq!(post.collect().await?.len(), 0, "not yet");

        // Pauses become longer.
        let mut attempts = 0;
        for _ in 0..10 {
            world.pass(Duration::from_secs(7));
            attempts += post.collect().await?.len();
        }
        assert!((1..=5).contains(&attempts), "{attempts} in 70 seconds");
        let waits = DeliveryFilter { failed: true, ..DeliveryFilter::default() };
        let waits = post.deliveries(waits).await?;
        assert_eq!(waits.len(), 1);
        assert_eq!((waits[0].state, waits[0].status), (DeliveryState::Queued, Some(503)));
        assert_eq!(usize::try_from(waits[0].attempts)?, attempts + 1);
        assert!(waits[0].error.as_deref().is_some_and(|error| error.contains("503")));

        post.answers(|_| 200);
        world.pass(Duration::from_hours(2));
        let came = post.collect().await?;
        assert_eq!(of(&came, &first), [2, 3, 4].map(|sequence| (sequence.to_string(), 200)));
        Ok(())
    })
}

fn mailing() -> Settings {
    Settings {
        mail: MailSettings { enabled: true, ..MailSettings::default() },
        public_url: Some("https://wifi.example.org".to_owned()),
        ..Settings::default()
    }
}

#[test]
fn what_fails_for_days_is_given_up_and_told_and_loses_nothing() -> Outcome {
    with_settings(&mailing(), async |world| {
        let post = Post::new(world);
        let administrator = [(HARBOUR, true)];
        account(world, 1, &[Role::Administrator], &administrator).await?;
        account(world, 2, &[Role::Operator], &administrator).await?;
        account(world, 3, &[Role::Administrator], &[(HILLS, true)]).await?;
        post.webhook(Some(HARBOUR), &["device_group.created", "device_group.description_changed"])
            .await?;
        post.answers(|_| 0);
        made(world, 1, HARBOUR).await?;
        let began = world.now();
        for _ in 0..24 {
            world.later(TimeDelta::hours(4));
            post.collect().await?;
        }
        assert_eq!(post.state().await?, (WebhookState::Active, None));
        world.later(TimeDelta::days(2));
        post.collect().await?;
        assert_eq!(post.state().await?, (WebhookState::Disabled, Some(WhyDisabled::Failing)));
        let since =
            world.app.webhooks().get(&World::by(), HOOK).await?.disabled.ok_or("given up")?.1;
        assert!(since >= began && since - began < TimeDelta::hours(5), "{since} {began}");

        // Those who may change it are told, once.
        world.settle().await?;
        let filter = JobFilter { kinds: vec![MailJob::KIND.to_owned()], ..JobFilter::default() };
        let mails = world.app.jobs().list(&filter, 100).await?;
        let mails: Vec<Value> =
            mails.iter().filter_map(|job| serde_json::from_str(&job.payload).ok()).collect();
        let concerned: Vec<&Value> =
            mails.iter().filter(|mail| mail["mail"] == "webhook_disabled").collect();
        assert_eq!(concerned.len(), 1, "{mails:?}");
        assert_eq!(concerned[0]["user_id"], Value::from(user(1).to_string()));

        // It is quiet, whatever happens.
        described(world, 1, "roofs").await?;
        world.later(TimeDelta::days(1));
        assert_eq!(post.collect().await?.len(), 0);
        post.answers(|_| 200);
        world.app.webhooks().resume(&World::by(), HOOK).await?;
        let came = post.collect().await?;
        let sequences: Vec<&str> = came.iter().map(|one| one.text("streamsequence")).collect();
        assert_eq!(sequences, ["1", "2"], "nothing is lost");
        assert_eq!(post.state().await?, (WebhookState::Active, None));
        Ok(())
    })
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(100 + number))
}

#[test]
fn what_was_failing_when_it_was_resumed_has_its_days_again() -> Outcome {
    on_each_database(async |world| {
        let post = Post::new(world);
        post.webhook(Some(HARBOUR), &[]).await?;
        post.answers(|_| 500);
        made(world, 1, HARBOUR).await?;
        post.collect().await?;
        world.later(TimeDelta::days(6));
        post.collect().await?;
        assert_eq!(post.state().await?.0, WebhookState::Disabled);
        world.app.webhooks().resume(&World::by(), HOOK).await?;
        post.collect().await?;
        world.later(TimeDelta::days(2));
        post.collect().await?;
        assert_eq!(post.state().await?.0, WebhookState::Active);
        world.later(TimeDelta::days(4));
        post.collect().await?;
        assert_eq!(post.state().await?.0, WebhookState::Disabled);
        Ok(())
    })
}

#[test]
fn who_does_not_want_any_more_is_left_alone() -> Outcome {
    on_each_database(async |world| {
        let post = Post::new(world);
        post.webhook(Some(HARBOUR), &[]).await?;
        post.answers(|_| 410);
        made(world, 1, HARBOUR).await?;
        assert_eq!(post.collect().await?.len(), 1);
        assert_eq!(post.state().await?, (WebhookState::Disabled, Some(WhyDisabled::Gone)));
        Ok(())
    })
}

#[test]
fn a_paused_webhook_keeps_everything_and_answers_to_tests() -> Outcome {
    on_each_database(async |world| {
        let (post, webhooks) = (Post::new(world), world.app.webhooks());
        post.webhook(Some(HARBOUR), &["device_group.created", "device_group.removed"]).await?;
        webhooks.pause(&World::by(), HOOK).await?;
        made(world, 1, HARBOUR).await?;
        world.app.groups().remove(&World::by(), group(1)).await?;
        assert_eq!(post.collect().await?.len(), 0);

        let test = webhooks.test(&World::by(), HOOK).await?;
        assert_eq!((test.kind, test.state), (DeliveryKind::Test, DeliveryState::Queued));
        let came = post.collect().await?;
        assert_eq!(came.len(), 1);
        assert_eq!(came[0].text("type"), "webhook.test");
        post.answers(|_| 500);
        webhooks.test(&World::by(), HOOK).await?;
        assert_eq!(post.collect().await?.len(), 1);
        world.later(TimeDelta::days(1));
        assert_eq!(post.collect().await?.len(), 0, "a test is tried once");
        let tests = DeliveryFilter { kind: Some(DeliveryKind::Test), ..DeliveryFilter::default() };
        let states: Vec<DeliveryState> =
            post.deliveries(tests).await?.into_iter().map(|row| row.state).collect();
        assert_eq!(states, [DeliveryState::Failed, DeliveryState::Delivered]);

        post.answers(|_| 200);
        webhooks.resume(&World::by(), HOOK).await?;
        let kinds = told(&post.collect().await?);
        assert_eq!(kinds.len(), 2, "{kinds:?}");
        assert_eq!(kinds[1].0, "device_group.removed");
        Ok(())
    })
}

#[test]
fn what_was_delivered_is_delivered_again_under_the_same_id() -> Outcome {
    on_each_database(async |world| {
        let (post, webhooks) = (Post::new(world), world.app.webhooks());
        made(world, 1, HARBOUR).await?;
        let before = world.app.store().head();
        post.webhook(Some(HARBOUR), &["device_group.created", "device_group.description_changed"])
            .await?;
        for text in ["a", "b", "c"] {
            described(world, 1, text).await?;
            made(world, 2 + u128::from(text.as_bytes()[0]), HILLS).await?;
        }
        let first = post.collect().await?;
        assert_eq!(first.len(), 3);
        let one = first[1].position();
        let again = webhooks.redeliver(&World::by(), HOOK, (one, one)).await?;
        assert_eq!((again.count, again.up_to), (1, one));
        // It waits already.
        assert_eq!(webhooks.redeliver(&World::by(), HOOK, (one, one)).await?.count, 0);
        let second = post.collect().await?;
        assert_eq!(second.len(), 1);
        assert_eq!((&second[0].id, &second[0].event), (&first[1].id, &first[1].event));

        // A range, from before the webhook was made, and without what others own.
        let head = world.app.store().head();
        let all = webhooks.redeliver(&World::by(), HOOK, (1, head)).await?;
        assert_eq!((all.count, all.up_to), (4, head));
        let mut third: Vec<i64> = post.collect().await?.iter().map(Came::position).collect();
        third.sort_unstable();
        let mut expected: Vec<i64> = first.iter().map(Came::position).collect();
        expected.insert(0, before);
        assert_eq!(third, expected);

        // What waits for its first delivery is not overtaken.
        post.answers(|_| 500);
        described(world, 1, "d").await?;
        post.collect().await?;
        let head = world.app.store().head();
        assert_eq!(webhooks.redeliver(&World::by(), HOOK, (head, head)).await?.count, 0);
        let wrong = webhooks.redeliver(&World::by(), HOOK, (7, 6)).await;
        assert!(matches!(wrong, Err(Failure::Invalid(_))), "{wrong:?}");
        Ok(())
    })
}

#[test]
fn somebody_may_decide_that_one_is_not_delivered() -> Outcome {
    on_each_database(async |world| {
        let (post, webhooks) = (Post::new(world), world.app.webhooks());
        post.webhook(Some(HARBOUR), &[]).await?;
        post.answers(|event| if event["streamsequence"] == "1" { 500 } else { 200 });
        made(world, 1, HARBOUR).await?;
        described(world, 1, "a").await?;
        assert_eq!(post.collect().await?.len(), 1);
        let failed = DeliveryFilter { failed: true, ..DeliveryFilter::default() };
        let id = post.deliveries(failed).await?[0].id;
        assert_eq!(
            webhooks.skip_delivery(&World::by(), HOOK, id).await?.0.state,
            DeliveryState::Skipped
        );
        let came = post.collect().await?;
        assert_eq!(told(&came), [("device_group.description_changed".to_owned(), "2".to_owned())]);
        // Once more is once too often.
        assert_eq!(
            webhooks.skip_delivery(&World::by(), HOOK, id).await?.0.state,
            DeliveryState::Skipped
        );
        let unknown = webhooks.skip_delivery(&World::by(), HOOK, Uuid::from_u128(9)).await;
        assert!(matches!(unknown, Err(Failure::NotFound("WebhookDelivery"))), "{unknown:?}");
        Ok(())
    })
}

#[test]
fn for_a_while_both_secrets_sign() -> Outcome {
    on_each_database(async |world| {
        let (post, webhooks) = (Post::new(world), world.app.webhooks());
        let first = post.webhook(Some(HARBOUR), &[]).await?;
        made(world, 1, HARBOUR).await?;
        let before = post.collect().await?;
        assert_eq!(before[0].signatures.split(' ').count(), 1);
        let given = format!("whsec_{}", "QUJD".repeat(10));
        let rotated = webhooks
            .rotate_secret(
                &World::by(),
                HOOK,
                Some(given.clone().into()),
                Some(TimeDelta::hours(1)),
            )
            .await?;
        let told = rotated.0.map(|secret| secrecy::ExposeSecret::expose_secret(&secret).to_owned());
        assert_eq!(told.as_deref(), Some(given.as_str()));
        assert_ne!(first, given);
        described(world, 1, "a").await?;
        let during = post.collect().await?;
        let both: Vec<&str> = during.iter().map(|one| one.signatures.as_str()).collect();
        assert!(!both.is_empty() && both.iter().all(|it| it.split(' ').count() == 2), "{both:?}");
        world.later(TimeDelta::hours(2));
        described(world, 1, "b").await?;
        let after = post.collect().await?;
        assert!(!after.is_empty() && after.iter().all(|it| it.signatures.split(' ').count() == 1));
        for wrong in ["whsec_", "word", "whsec_QUJD"] {
            let refused =
                webhooks.rotate_secret(&World::by(), HOOK, Some(wrong.into()), None).await;
            assert!(matches!(refused, Err(Failure::Invalid(_))), "{wrong}");
        }
        Ok(())
    })
}

#[test]
fn nobody_lets_be_delivered_what_they_may_not_read() -> Outcome {
    on_each_database(async |world| {
        let webhooks = world.app.webhooks();
        let administrator = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let operator = account(world, 2, &[Role::Operator], &[(HARBOUR, true)]).await?;
        let stranger = account(world, 3, &[Role::Administrator], &[(HILLS, true)]).await?;
        let narrow = narrow(world).await?;
        let refused = webhooks.create(&operator, new(Some(HARBOUR), &[])).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        let refused = webhooks.create(&stranger, new(Some(HARBOUR), &[])).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        let refused = webhooks.create(&administrator, new(None, &[])).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        let refused = webhooks.create(&narrow, new(Some(HARBOUR), &[])).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        let people =
            WebhookSelection { aggregates: vec!["user".to_owned()], ..WebhookSelection::default() };
        let new_one = NewWebhook { selection: people, ..new(Some(HARBOUR), &[]) };
        let refused = webhooks.create(&administrator, new_one).await;
        assert!(matches!(refused, Err(Failure::Invalid(_))), "{refused:?}");
        for url in ["https://10.0.0.1/", "http://hooks.example.org/", "https://localhost/"] {
            let inside = NewWebhook { url: url.to_owned(), ..new(Some(HARBOUR), &[]) };
            let refused = webhooks.create(&administrator, inside).await;
            assert!(matches!(refused, Err(Failure::Invalid(_))), "{url}: {refused:?}");
        }

        // Who may read device groups alone has them delivered, and cannot turn that into more.
        webhooks.create(&narrow, new(Some(HARBOUR), &["device_group.created"])).await?;
        let change = WebhookChange {
            selection: Some(WebhookSelection::default()),
            ..WebhookChange::default()
        };
        let refused = webhooks.change(&narrow, HOOK, change.clone()).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        webhooks.change(&administrator, HOOK, change).await?;
        let elsewhere = WebhookChange {
            url: Some("https://elsewhere.example.org/".to_owned()),
            ..WebhookChange::default()
        };
        let refused = webhooks.change(&narrow, HOOK, elsewhere).await;
        assert!(matches!(refused, Err(Failure::Forbidden)), "{refused:?}");
        for refused in [
            webhooks.get(&stranger, HOOK).await.map(drop),
            webhooks.pause(&stranger, HOOK).await.map(drop),
            webhooks.remove(&stranger, HOOK).await.map(drop),
            webhooks.test(&stranger, HOOK).await.map(drop),
            webhooks.redeliver(&stranger, HOOK, (1, 2)).await.map(drop),
        ] {
            assert!(matches!(refused, Err(Failure::NotFound("Webhook"))), "{refused:?}");
        }
        Ok(())
    })
}

#[test]
fn what_happened_to_a_webhook_is_for_its_owners() -> Outcome {
    on_each_database(async |world| {
        let webhooks = world.app.webhooks();
        let administrator = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let stranger = account(world, 3, &[Role::Administrator], &[(HILLS, true)]).await?;
        let everything = WebhookId::from_uuid(Uuid::from_u128(8_002));
        let of_all = NewWebhook { id: everything, ..new(None, &[]) };
        webhooks.create(&World::by(), of_all).await?;
        webhooks.create(&administrator, new(Some(HARBOUR), &["device_group.created"])).await?;
        webhooks.pause(&administrator, HOOK).await?;
        webhooks.remove(&administrator, HOOK).await?;

        let page = HistoryPage { limit: 10, before: None, after: None };
        let history = async |by: &By, id| {
            let entries = world.app.history().of(by, ObjectRef::Webhook(id), page).await;
            entries.map(|found| {
                found.entries.into_iter().map(|entry| entry.sentence).collect::<Vec<_>>()
            })
        };
        let told = ["removed", "paused", "webhook made as \"tickets\""].map(str::to_owned);
        assert_eq!(history(&administrator, HOOK).await?, told, "also when it is gone");
        assert_eq!(history(&World::by(), everything).await?, told[2..]);
        for (by, id) in [(&stranger, HOOK), (&stranger, everything), (&administrator, everything)] {
            let refused = history(by, id).await;
            assert!(matches!(refused, Err(Failure::NotFound("Webhook"))), "{refused:?}");
        }
        Ok(())
    })
}

/// Somebody who may make webhooks, and read device groups alone.
async fn narrow(world: &World) -> Outcome<By> {
    use domain::Permission::{AddWebhook, ChangeWebhook, ViewGroup};

    let token = "token-of-somebody-with-a-narrow-view";
    let new = NewUser {
        token: Some(token.into()),
        permissions: [AddWebhook, ChangeWebhook, ViewGroup].into_iter().collect(),
        memberships: vec![NewMembership { organization_id: HARBOUR, manager: true }],
        ..NewUser::new(UserId::from_uuid(Uuid::from_u128(9_000)), "narrow")
    };
    world.app.accounts().create(&World::by(), new).await?;
    Ok(By::new(world.app.accounts().authenticate(token).await?, None))
}

#[test]
fn a_webhook_ends_with_its_organization_and_what_it_left_goes() -> Outcome {
    let settings = Settings {
        webhooks: WebhookSettings {
            keep_deliveries: Duration::from_hours(24),
            ..WebhookSettings::default()
        },
        ..Settings::default()
    };
    with_settings(&settings, async |world| {
        let post = Post::new(world);
        post.webhook(Some(HARBOUR), &[]).await?;
        made(world, 1, HARBOUR).await?;
        assert_eq!(post.collect().await?.len(), 1);
        world.later(TimeDelta::hours(25));
        made(world, 2, HARBOUR).await?;
        post.collect().await?;
        assert_eq!(world.app.webhook_queues().prune().await?, 0, "settling prunes");
        assert_eq!(post.deliveries(DeliveryFilter::default()).await?.len(), 1);

        world.app.organizations().remove(&World::by(), HARBOUR).await?;
        assert_eq!(post.collect().await?.len(), 0, "nobody is told of the rest");
        world.later(TimeDelta::minutes(2));
        world.settle().await?;
        let gone = world.app.webhooks().get(&World::by(), HOOK).await;
        assert!(matches!(gone, Err(Failure::NotFound("Webhook"))), "{gone:?}");
        let filter = EventFilter {
            event_types: vec!["webhook.removed".to_owned()],
            ..EventFilter::default()
        };
        assert_eq!(world.app.store().events(&filter, 0, 10).await?.len(), 1);
        assert_eq!(world.app.webhook_queues().prune().await?, 0, "settling prunes");
        Ok(())
    })
}
