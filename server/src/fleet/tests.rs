//! Fleets against a controller that is made of a few rules and can be told to misbehave.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use parking_lot::Mutex;
use secrecy::SecretString;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Course, Fleet, Options, Pace, Summary, archive, identity::md5_hex};

#[tokio::test]
async fn every_device_gets_its_configuration_and_says_so() {
    let controller = Controller::start().await;
    let summary = run(controller.options(25), Course { until_settled: true, ..bounded() }).await;
    assert_eq!((summary.registered, summary.returned), (25, 0));
    assert_eq!((summary.downloads, summary.applied, summary.failed), (25, 25, 0));
    assert_eq!(summary.settled, 25);
    assert_eq!(summary.errors, BTreeMap::new());
    assert_eq!(summary.requests["test"].count, 25, "each change is followed by one test");

    let device = controller.device(0);
    assert_eq!(
        device.requests[..5],
        [
            "register",
            "checksum without address",
            "download-config without address",
            "checksum without address",
            "report-status applied",
        ]
    );
    assert_eq!(device.last_report, format!("key={}&status=applied&", device.key));
}

#[tokio::test]
async fn the_second_cycle_tells_the_management_address() {
    let controller = Controller::start().await;
    let polled = controller.until(|devices| {
        devices
            .iter()
            .any(|device| device.requests.iter().any(|line| line == "checksum with address"))
    });
    run_until(controller.options(1), polled).await;
    let device = controller.device(0);
    assert_eq!(device.management_address.as_deref(), Some("10.0.0.0"));
    assert!(!device.requests.contains(&"update-info".to_owned()), "only boots are followed by it");
}

#[tokio::test]
async fn a_change_travels_and_nothing_else_is_fetched() {
    let controller = Controller::start().await;
    let controller_too = controller.clone();
    let changed = async move {
        // All five: the others would only ever see what is published below. A device that asks again has counted
        // what it applied before.
        let done = |device: &Device, times| {
            device.applied == times
                && device.requests.last().is_some_and(|last| last.starts_with("checksum"))
        };
        let all = |devices: &[Device], times| {
            devices.len() == 5 && devices.iter().all(|device| done(device, times))
        };
        controller_too.until(|devices| all(devices, 1)).await;
        controller_too.publish("config system 'system'\n\toption hostname 'changed'\n");
        controller_too.until(|devices| all(devices, 2)).await;
    };
    let summary = run_until(controller.options(5), changed).await;
    assert_eq!((summary.downloads, summary.applied), (10, 10));
    assert!(summary.polls >= 10, "{} polls", summary.polls);
}

#[tokio::test]
async fn a_failing_device_reports_why_and_does_not_try_again() {
    let controller = Controller::start().await;
    let polled = controller
        .until(|devices| devices.len() == 20 && devices.iter().all(|device| device.polls() >= 3));
    let options = Options { failing_share: 1.0, ..controller.options(20) };
    let summary = run_until(options, polled).await;
    assert_eq!((summary.applied, summary.failed, summary.downloads), (0, 20, 20));
    let reasons: Vec<String> =
        controller.devices().into_iter().map(|device| device.last_report).collect();
    assert!(reasons.iter().all(|report| report.contains("status=error")));
    assert!(reasons.iter().any(|report| report.contains("error_reason=")), "{reasons:?}");
    assert!(
        reasons.iter().any(|report| !report.contains("error_reason=")),
        "old agents say nothing"
    );
}

#[tokio::test]
async fn an_archive_that_no_device_can_read_is_an_error_with_its_reason() {
    let controller = Controller::start().await;
    controller.publish("interface lan\n");
    let options = Options { seed: explaining_seed(), ..controller.options(1) };
    let summary = run(options, Course { until_settled: true, ..bounded() }).await;
    assert_eq!((summary.applied, summary.failed), (0, 1));
    assert_eq!(summary.errors["unusable archive"], 1);
    let report = controller.device(0).last_report;
    assert!(report.contains("unknown+keyword"), "{report}");
    assert!(report.contains("etc%2Fconfig%2Fsystem"), "{report}");
}

#[tokio::test]
async fn a_refused_registration_ends_the_agent() {
    let controller = Controller::start().await;
    controller.misbehave("register", Misbehaviour::Status(403));
    let summary = run(controller.options(3), Course { until_settled: true, ..bounded() }).await;
    assert_eq!((summary.refused, summary.requests["register"].count), (3, 3));
    assert_eq!(summary.settled, 0, "nothing was fetched");
    assert!(summary.failure(true).is_some());
}

#[tokio::test]
async fn other_registration_errors_are_tried_again_until_they_pass() {
    let controller = Controller::start().await;
    for status in [400, 404, 500, 503] {
        controller.once("register", Misbehaviour::Status(status));
    }
    let summary = run(controller.options(1), Course { until_settled: true, ..bounded() }).await;
    assert_eq!((summary.registered, summary.requests["register"].count), (1, 5));
    assert_eq!(summary.errors["status 503"], 1);
}

#[tokio::test]
async fn five_times_not_found_ends_the_agent() {
    let controller = Controller::start().await;
    controller.misbehave("checksum", Misbehaviour::Status(404));
    let summary = run(controller.options(1), Course { until_settled: true, ..bounded() }).await;
    assert_eq!((summary.gave_up, summary.requests["checksum"].count), (1, 5));
    assert_eq!(summary.settled, 0);
}

#[tokio::test]
async fn a_busy_controller_is_asked_again() {
    let controller = Controller::start().await;
    for endpoint in ["checksum", "download-config", "report-status"] {
        controller.once(endpoint, Misbehaviour::Status(503));
        controller.once(endpoint, Misbehaviour::Status(503));
    }
    let summary = run(controller.options(1), Course { until_settled: true, ..bounded() }).await;
    assert_eq!((summary.applied, summary.errors["status 503"]), (1, 6));
}

#[tokio::test]
async fn what_is_not_a_controller_loses_the_device_after_five_restarts() {
    let controller = Controller::start().await;
    controller.misbehave("checksum", Misbehaviour::NoHeader);
    let summary = run(controller.options(1), Course { until_settled: true, ..bounded() }).await;
    assert_eq!((summary.lost, summary.errors["missing header"]), (1, 6));
}

#[tokio::test]
async fn an_archive_that_is_not_the_announced_one_is_not_reported() {
    let controller = Controller::start().await;
    controller.misbehave("download-config", Misbehaviour::OtherBody);
    let tried = controller.until(|devices| devices.iter().any(|device| device.polls() >= 3));
    let summary = run_until(controller.options(1), tried).await;
    assert_eq!((summary.applied, summary.failed, summary.downloads), (0, 0, 0));
    assert!(summary.errors["checksum mismatch"] >= 2, "every cycle starts over");
}

#[tokio::test]
async fn a_second_start_finds_its_devices_again() {
    let controller = Controller::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let options =
        || Options { state: Some(folder.path().join("fleet.json")), ..controller.options(4) };
    let settled = Course { until_settled: true, ..bounded() };
    run(options(), settled).await;
    let summary = run(options(), settled).await;
    assert_eq!((summary.registered, summary.returned), (0, 0));
    assert_eq!(summary.requests["update_info"].count, 4);
    assert_eq!(summary.downloads, 0, "the checksum is remembered");

    let summary = run(controller.options(4), settled).await;
    assert_eq!((summary.registered, summary.returned), (0, 4), "a flashed device keeps its key");
}

#[tokio::test]
async fn a_reboot_storm_hits_all_devices_at_once() {
    let controller = Controller::start().await;
    let rebooted = controller.until(|devices| {
        devices.len() == 8
            && devices.iter().all(|device| device.requests.contains(&"update-info".to_owned()))
    });
    let course = Course { reboot_storm: Some(Duration::from_millis(600)), ..Course::default() };
    let fleet = Fleet::new(controller.options(8)).expect("a fleet");
    let stop = CancellationToken::new();
    let (summary, ()) = tokio::join!(fleet.run(course, stop.clone()), async {
        rebooted.await;
        stop.cancel();
    });
    let summary = summary.expect("a summary");
    assert_eq!((summary.rebooted, summary.registered), (8, 8));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let good = || Options::new("http://127.0.0.1:1", SecretString::from("hush"));
    assert!(Fleet::new(good()).is_ok());
    for wrong in [
        Options { devices: 0, ..good() },
        Options { failing_share: 1.5, ..good() },
        Options { failing_share: f64::NAN, ..good() },
        Options { secret: SecretString::from(""), ..good() },
        Options { tags: vec!["two words".to_owned()], ..good() },
        Options { url: "127.0.0.1".to_owned(), ..good() },
    ] {
        assert!(Fleet::new(wrong.clone()).is_err(), "{wrong:?}");
    }
}

/// No test waits longer.
const BOUND: Duration = Duration::from_secs(20);

fn bounded() -> Course {
    Course { duration: Some(BOUND), ..Course::default() }
}

/// A seed whose first device explains its errors.
fn explaining_seed() -> u64 {
    (1..100)
        .find(|seed| super::identity::Identity::new(*seed, 0).explains_errors)
        .expect("there is one")
}

async fn run(options: Options, course: Course) -> Summary {
    let fleet = Fleet::new(options).expect("a fleet");
    fleet.run(course, CancellationToken::new()).await.expect("a summary")
}

async fn run_until(options: Options, condition: impl Future<Output = ()>) -> Summary {
    let fleet = Fleet::new(options).expect("a fleet");
    let stop = CancellationToken::new();
    let (summary, ()) = tokio::join!(fleet.run(bounded(), stop.clone()), async {
        condition.await;
        stop.cancel();
    });
    summary.expect("a summary")
}

/// A controller with one organization and one configuration for all.
#[derive(Clone)]
struct Controller {
    address: String,
    rules: Arc<Mutex<Rules>>,
    changed: Arc<tokio::sync::Notify>,
    _serving: Arc<JoinSet<()>>,
}

struct Rules {
    archive: Vec<u8>,
    devices: BTreeMap<String, Device>,
    always: BTreeMap<&'static str, Misbehaviour>,
    next: BTreeMap<&'static str, VecDeque<Misbehaviour>>,
}

#[derive(Clone, Copy)]
enum Misbehaviour {
    Status(u16),
    NoHeader,
    OtherBody,
}

#[derive(Clone, Default)]
struct Device {
    mac_address: String,
    key: String,
    requests: Vec<String>,
    management_address: Option<String>,
    last_report: String,
    applied: usize,
}

impl Device {
    fn polls(&self) -> usize {
        self.requests.iter().filter(|line| line.starts_with("checksum")).count()
    }
}

impl Controller {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let rules = Arc::new(Mutex::new(Rules {
            archive: Vec::new(),
            devices: BTreeMap::new(),
            always: BTreeMap::new(),
            next: BTreeMap::new(),
        }));
        let changed = Arc::new(tokio::sync::Notify::new());
        let router = Router::new()
            .route("/controller/register/", post(register))
            .route("/controller/update-info/{id}/", post(update_info))
            .route("/controller/checksum/{id}/", get(checksum))
            .route("/controller/download-config/{id}/", get(download))
            .route("/controller/report-status/{id}/", post(report))
            .with_state((Arc::clone(&rules), Arc::clone(&changed)));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            axum::serve(listener, router).await.expect("served");
        });
        let controller = Self { address, rules, changed, _serving: Arc::new(serving) };
        controller.publish("config system 'system'\n\toption hostname 'first'\n");
        controller
    }

    fn options(&self, devices: u32) -> Options {
        Options {
            devices,
            pace: Pace::fast(),
            ..Options::new(&self.address, SecretString::from("hush"))
        }
    }

    fn publish(&self, system: &str) {
        self.rules.lock().archive = archive::tests::pack(&[("etc/config/system", system)]);
    }

    fn misbehave(&self, endpoint: &'static str, how: Misbehaviour) {
        self.rules.lock().always.insert(endpoint, how);
    }

    fn once(&self, endpoint: &'static str, how: Misbehaviour) {
        self.rules.lock().next.entry(endpoint).or_default().push_back(how);
    }

    fn devices(&self) -> Vec<Device> {
        self.rules.lock().devices.values().cloned().collect()
    }

    fn device(&self, number: usize) -> Device {
        self.devices().swap_remove(number)
    }

    /// Waits until the devices look like this; the run that goes on meanwhile has a bound.
    fn until(&self, like: impl Fn(&[Device]) -> bool) -> impl Future<Output = ()> {
        let controller = self.clone();
        async move {
            let waiting = async {
                loop {
                    let next = controller.changed.notified();
                    let devices = controller.devices();
                    if !devices.is_empty() && like(&devices) {
                        return;
                    }
                    next.await;
                }
            };
            tokio::time::timeout(BOUND, waiting).await.expect("it happens in time");
        }
    }
}

type Shared = State<(Arc<Mutex<Rules>>, Arc<tokio::sync::Notify>)>;
type Fields = BTreeMap<String, String>;

impl Rules {
    fn misbehaviour(&mut self, endpoint: &str) -> Option<Misbehaviour> {
        let next = self.next.get_mut(endpoint).and_then(VecDeque::pop_front);
        next.or_else(|| self.always.get(endpoint).copied())
    }
}

/// Checks the key, writes the request down and answers, well or not.
fn answer(
    State((rules, changed)): Shared,
    (endpoint, detail): (&str, &str),
    (id, fields): (&str, &Fields),
    good: impl FnOnce(&[u8], &mut Device) -> Vec<u8>,
) -> Response {
    let mut rules = rules.lock();
    let misbehaviour = rules.misbehaviour(endpoint);
    let archive = rules.archive.clone();
    let Some(device) = rules.devices.get_mut(id) else {
        return (StatusCode::NOT_FOUND, [HEADER]).into_response();
    };
    if fields.get("key") != Some(&device.key) {
        return (StatusCode::FORBIDDEN, [HEADER], "error: wrong key\n").into_response();
    }
    device.requests.push(format!("{endpoint}{detail}"));
    if let Some(address) = fields.get("management_ip") {
        device.management_address = Some(address.clone());
    }
    let response = match misbehaviour {
        Some(Misbehaviour::Status(status)) => {
            (StatusCode::from_u16(status).expect("a status"), [HEADER]).into_response()
        }
        Some(Misbehaviour::NoHeader) => "please log in".into_response(),
        Some(Misbehaviour::OtherBody) => ([HEADER], "something else").into_response(),
        None => ([HEADER], good(&archive, device)).into_response(),
    };
    changed.notify_waiters();
    response
}

const HEADER: (&str, &str) = ("x-openwisp-controller", "true");

async fn register(
    State((rules, changed)): Shared,
    headers: HeaderMap,
    Form(form): Form<Fields>,
) -> Response {
    let mut rules = rules.lock();
    if let Some(Misbehaviour::Status(status)) = rules.misbehaviour("register") {
        return (StatusCode::from_u16(status).expect("a status"), [HEADER]).into_response();
    }
    let wanted = ["secret", "name", "mac_address", "backend", "key", "hardware_id", "tags"];
    let complete = wanted.iter().all(|field| form.contains_key(*field))
        && form["secret"] == "hush"
        && form["tags"] == "uci: Entry not found"
        && headers["content-type"] == "application/x-www-form-urlencoded"
        && form["key"] == md5_hex(format!("{}+hush", form["mac_address"]).as_bytes());
    if !complete {
        return (StatusCode::BAD_REQUEST, [HEADER]).into_response();
    }
    let id = md5_hex(form["key"].as_bytes());
    let is_new = !rules.devices.contains_key(&id);
    let device = rules.devices.entry(id.clone()).or_default();
    device.mac_address.clone_from(&form["mac_address"]);
    device.key.clone_from(&form["key"]);
    device.requests.push("register".to_owned());
    changed.notify_waiters();
    let body = format!(
        "registration-result: success\nuuid: {id}\nkey: {}\nhostname: {}\nis-new: {}\n",
        form["key"],
        form["name"],
        u8::from(is_new)
    );
    (StatusCode::CREATED, [HEADER], body).into_response()
}

async fn update_info(state: Shared, Path(id): Path<String>, Form(form): Form<Fields>) -> Response {
    answer(state, ("update-info", ""), (&id, &form), |_, _| b"update-info: success".to_vec())
}

async fn checksum(state: Shared, Path(id): Path<String>, Query(query): Query<Fields>) -> Response {
    answer(state, ("checksum", address(&query)), (&id, &query), |archive, _| {
        md5_hex(archive).into_bytes()
    })
}

async fn download(state: Shared, Path(id): Path<String>, Query(query): Query<Fields>) -> Response {
    answer(state, ("download-config", address(&query)), (&id, &query), |archive, _| {
        archive.to_vec()
    })
}

async fn report(state: Shared, Path(id): Path<String>, uri: Uri, body: String) -> Response {
    assert_eq!(uri.query(), None, "the key goes into the form");
    let form: Fields = url_decoded(&body);
    let detail = format!(" {}", form["status"]);
    answer(state, ("report-status", &detail), (&id, &form), |_, device| {
        device.applied += usize::from(form["status"] == "applied");
        device.last_report.clone_from(&body);
        format!("report-result: success\ncurrent-status: {}\n", form["status"]).into_bytes()
    })
}

fn address(query: &Fields) -> &'static str {
    if query.contains_key("management_ip") { " with address" } else { " without address" }
}

fn url_decoded(body: &str) -> Fields {
    let fields = reqwest::Url::parse(&format!("http://x/?{body}")).expect("a form");
    fields.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
