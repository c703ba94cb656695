use std::time::Duration;

use app::{By, NewOrganization};
use domain::{
    Document, OrganizationId,
    accounts::{DeviceLimit, OrganizationDetails},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Answer, Connection, Filter, Request, SOCKET, listen, serve};
use crate::{
    cli::Place,
    serve::open::{self, Opened},
    settings,
};

/// A running socket in a folder of its own.
struct Running {
    opened: Opened,
    stop: CancellationToken,
    tasks: TaskTracker,
    _place: tempfile::TempDir,
}

impl Running {
    async fn start() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let given = Place { data: Some(place.path().join("data")), ..Place::default() };
        let settings = settings::load(&given, None, false).expect("settings").settings;
        let opened = open::open(&settings).await.expect("an empty installation");
        let socket = listen(&opened.folder).expect("a socket");
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        for background in opened.app.background(|| stop.clone().cancelled_owned()) {
            tasks.spawn(background.run);
        }
        tasks.spawn(serve(socket, opened.serving(), stop.clone()));
        tasks.close();
        Self { opened, stop, tasks, _place: place }
    }

    async fn organization(&self, slug: &str) {
        let app = &self.opened.app;
        let new = NewOrganization {
            id: OrganizationId::from_uuid(app.new_id()),
            name: slug.to_owned(),
            slug: slug.to_owned(),
            details: OrganizationDetails::default(),
            is_active: true,
            registration_enabled: true,
            shared_secret: None,
            context: Document::new(),
            device_limit: DeviceLimit::AtMost(1),
        };
        app.organizations().create(&By::system("test"), new).await.expect("an organization");
    }

    async fn ask(&self, request: &Request) -> Connection {
        let asked = Connection::ask(self.opened.folder.path(), request).await;
        asked.expect("it listens").expect("it is there")
    }

    async fn head(&self) -> anyhow::Result<i64> {
        let folder = self.opened.folder.path();
        let Some(mut connection) = Connection::ask(folder, &Request::Head).await? else {
            anyhow::bail!("nobody listens")
        };
        match connection.next().await? {
            Some(Answer::Head(head)) => Ok(head),
            other => anyhow::bail!("{other:?}"),
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
        self.opened.close().await;
    }
}

fn everything(limit: Option<u64>, follow: bool) -> Request {
    Request::Events { filter: Filter::default(), after: 0, limit, follow }
}

async fn position(connection: &mut Connection) -> i64 {
    let next = tokio::time::timeout(Duration::from_secs(20), connection.next());
    match next.await.expect("an answer in time").expect("an answer") {
        Some(Answer::Event(event)) => event["position"].as_i64().expect("a position"),
        other => panic!("no event: {other:?}"),
    }
}

#[tokio::test]
async fn events_come_in_order_and_end_with_the_limit() {
    let running = Running::start().await;
    running.organization("one").await;
    running.organization("two").await;
    let head = running.head().await.expect("a head");
    assert!(head >= 2);

    let mut all = running.ask(&everything(None, false)).await;
    for expected in 1..=head {
        assert_eq!(position(&mut all).await, expected);
    }
    assert!(all.next().await.expect("the end").is_none());

    let mut one = running.ask(&everything(Some(1), true)).await;
    assert_eq!(position(&mut one).await, 1);
    assert!(one.next().await.expect("the end").is_none());
    running.stop().await;
}

#[tokio::test]
async fn a_follower_is_told_what_happens() {
    let running = Running::start().await;
    running.organization("one").await;
    let head = running.head().await.expect("a head");
    let mut tail = running
        .ask(&Request::Events { filter: Filter::default(), after: head, limit: None, follow: true })
        .await;
    running.organization("two").await;
    assert_eq!(position(&mut tail).await, head + 1);
    running.stop().await;
}

#[tokio::test]
async fn a_follower_that_went_away_leaves_its_place() {
    let running = Running::start().await;
    for _ in 0..100 {
        drop(running.ask(&everything(None, true)).await);
    }
    // Places become free as the server notices.
    let patience = async { while running.head().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), patience).await.expect("a place");
    running.stop().await;
}

#[tokio::test]
async fn an_installation_is_sound() {
    let running = Running::start().await;
    running.organization("one").await;
    let mut connection = running.ask(&Request::Verify).await;
    let Some(Answer::Verified(verified)) = connection.next().await.expect("an answer") else {
        panic!("no verification")
    };
    assert!(verified.is_sound(), "{verified:?}");
    assert!(verified.events >= 1);
    running.stop().await;
}

#[tokio::test]
async fn nonsense_gets_an_error() {
    let running = Running::start().await;
    let mut stream = UnixStream::connect(running.opened.folder.path().join(SOCKET)).await;
    let stream = stream.as_mut().expect("it listens");
    stream.write_all(b"{\"command\": \"dance\"}\n").await.expect("sent");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.expect("an answer");
    let answer = serde_json::from_str(&line).expect("JSON");
    assert!(matches!(answer, Answer::Error(_)), "{line}");
    running.stop().await;
}
