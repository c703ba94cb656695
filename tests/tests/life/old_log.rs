//! The log that a life begins with: it was written by every version that ever was. One world in it lives on, one has come to its
//! end; somebody was erased in it, and somebody will be.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Event;
use md5::{Digest as _, Md5};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use secrecy::SecretSlice;
use serde_json::{Value, json};
use store::{
    Append, Expected, Keyring, Location, MasterKey, NewEvent, Options, Part, Retention, Store,
    Subject,
};
use uuid::Uuid;
use wisptrail_tests::{ADMIN_TOKEN, Database, Home, note_secret};

use crate::{
    people,
    plan::Old,
    rebuild,
    story::{END, ERASURE, MOVE, PERSON, WORLD},
};

/// Texts that may be there once only.
const UNIQUE: &[&str] = &["dns", "ntp", "roof-net", "door-net", "Planners", "Designers"];

/// A file that `wisptrail import` takes, and what of it lives on.
pub(crate) async fn written(place: &Path) -> anyhow::Result<(PathBuf, Old)> {
    let home = Home::new(&Database::Sqlite).await?;
    fs::write(home.data().join("master.key"), hex::encode([7; 32]))?;
    note_secret(&hex::encode([7; 32]));
    let location = Location::Sqlite { folder: home.data().to_owned() };
    let mut options =
        Options::new(location, Arc::new(projections::Catalogue), Arc::new(Slow::default()));
    options.projections = projections::all();
    let store = Store::open(options).await?;
    let old = told(&store).await;
    store.close().await;
    let old = old?;
    let file = place.join("old.gz");
    let path = file.to_str().context("a path")?;
    rebuild::run(&home, &["export", path, "--with-master-key"]).await?.success()?;
    Ok((file, old))
}

async fn told(store: &Store) -> anyhow::Result<Old> {
    let master = MasterKey::Given(SecretSlice::from(vec![7; 32]));
    let random = Box::new(ChaCha20Rng::seed_from_u64(7));
    let keyring = Keyring::open(store.clone(), master, random).await?;
    let mut teller = Teller {
        store,
        keyring,
        examples: Examples::read()?,
        held: BTreeMap::new(),
        world: 0,
        land: 0,
    };
    let mut old = Old::default();
    let newest = teller.examples.newest();
    for version in 1..=newest {
        // One that lives on.
        teller.tell_all(WORLD, version).await?;
        teller.tell_all(MOVE, version).await?;
        teller.tell_all(PERSON, version).await?;
        if version == newest {
            teller.let_in().await?;
        }
        let id = teller.id("09");
        old.organizations.push((id, shared_secret(&format!("organization|{id}"), "4")));
        old.devices.push((mac_address(teller.world), teller.id("02"), key(teller.world)));
        let land = teller.world;
        teller.world += 1;
        teller.land = teller.world;
        // One that came to its end.
        teller.tell_all(WORLD, version).await?;
        teller.tell_all(PERSON, version).await?;
        teller.tell_all(END, version).await?;
        teller.world += 1;
        teller.land = land;
        // Somebody who was erased, and somebody who is still there.
        teller.tell_all(PERSON, version).await?;
        teller.erase(version).await?;
        teller.world += 1;
        teller.tell_all(PERSON, version).await?;
        old.people.push((teller.id("07"), format!("old-{}", teller.world)));
        teller.world += 1;
        teller.land = teller.world;
    }
    teller.examples.all_told()?;
    Ok(old)
}

/// What devices register with; the first example of a secret is called 4.
fn shared_secret(stream: &str, which: &str) -> String {
    hex::encode(Md5::digest(format!("{stream} {which}")))
}

/// The last one of a device.
fn mac_address(world: usize) -> String {
    format!("00-11-22-AA-{world:02X}-CD")
}

/// What devices of the old log prove themselves with.
fn key(world: usize) -> String {
    hex::encode(Md5::digest(format!("device of world {world}")))
}

/// A minute passes from event to event.
#[derive(Default)]
struct Slow(AtomicI64);

impl store::Clock for Slow {
    fn now(&self) -> DateTime<Utc> {
        let minutes = self.0.fetch_add(1, Ordering::Relaxed);
        DateTime::from_timestamp(1_735_689_600, 0).unwrap_or_default() + TimeDelta::minutes(minutes)
    }
}

/// One example of each event and version, and which of them were told.
struct Examples {
    all: BTreeMap<(String, u16), String>,
    told: BTreeSet<(String, u16)>,
}

impl Examples {
    fn read() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/tests/golden");
        let mut all = BTreeMap::new();
        for kind in fs::read_dir(&folder)? {
            let kind = kind?;
            for file in fs::read_dir(kind.path())? {
                let file = file?;
                let name = file.file_name().into_string().unwrap_or_default();
                let (event, version) = name
                    .strip_suffix(".json")
                    .and_then(|it| it.rsplit_once(".v"))
                    .context("a name")?;
                let event = format!("{}.{event}", kind.file_name().to_string_lossy());
                all.insert((event, version.parse()?), fs::read_to_string(file.path())?);
            }
        }
        Ok(Self { all, told: BTreeSet::new() })
    }

    fn newest(&self) -> u16 {
        self.all.keys().map(|(_, version)| *version).max().unwrap_or(1)
    }

    /// As this version wrote it, or the last one before that wrote it.
    fn of(&mut self, event: &str, version: u16) -> anyhow::Result<(u16, String)> {
        let from = (event.to_owned(), 1)..=(event.to_owned(), version);
        let (key, text) =
            self.all.range(from).next_back().with_context(|| format!("no {event}"))?;
        self.told.insert(key.clone());
        Ok((key.1, text.clone()))
    }

    fn all_told(&self) -> anyhow::Result<()> {
        let untold: Vec<_> = self.all.keys().filter(|one| !self.told.contains(*one)).collect();
        anyhow::ensure!(untold.is_empty(), "say in the story when these happen: {untold:?}");
        Ok(())
    }
}

struct Teller<'a> {
    store: &'a Store,
    keyring: Keyring,
    examples: Examples,
    /// Fingerprints of what is sealed at a place.
    held: BTreeMap<String, String>,
    world: usize,
    /// The world whose organizations it is about.
    land: usize,
}

impl Teller<'_> {
    async fn tell_all(&mut self, story: &[(&str, &str)], version: u16) -> anyhow::Result<()> {
        for (event, who) in story {
            let (version, payload) = self.payload(event, who, version).await?;
            self.append(event, who, version, payload, Vec::new())
                .await
                .with_context(|| format!("{event} of {who}, world {}", self.world))?;
        }
        Ok(())
    }

    /// Whoever keeps the life going, for ever: their token is the administrator's.
    async fn let_in(&mut self) -> anyhow::Result<()> {
        let token = self.keyring.fingerprint("user.token", ADMIN_TOKEN.as_bytes());
        let payload = json!({ "token_issued": { "user_id": self.id("07"), "token": token } });
        note_secret(ADMIN_TOKEN);
        self.append("user.token_issued", "07", 1, payload, Vec::new()).await?;
        let payload = json!({ "expiry_changed": { "user_id": self.id("07"), "expires_on": null } });
        self.append("user.expiry_changed", "07", 1, payload, Vec::new()).await
    }

    async fn erase(&mut self, version: u16) -> anyhow::Result<()> {
        let (event, who) = ERASURE;
        let (version, payload) = self.payload(event, who, version).await?;
        let id = self.id(who);
        let (stream, actor) = (id.to_string(), format!("user:{id}"));
        let now = store::Clock::now(&Slow::default());
        let ops = store::erasure(id, ("user", &stream), &actor, now);
        self.append(event, who, version, payload, ops).await
    }

    fn id(&self, who: &str) -> Uuid {
        let text = format!("01936f1e-{:04x}-7000-8000-0000000000{who}", self.world);
        Uuid::parse_str(&text).unwrap_or_default()
    }

    async fn append(
        &self,
        event: &str,
        who: &str,
        version: u16,
        payload: Value,
        ops: Vec<store::Op>,
    ) -> anyhow::Result<()> {
        let kind = event.split('.').next().unwrap_or_default();
        let payload = payload.to_string();
        let read = Event::decode(event, &version.to_string(), &payload)?;
        let new = NewEvent {
            event_id: Uuid::from_u128(0x1000_0000 + u128::from(self.store.head().unsigned_abs())),
            event_type: event.to_owned(),
            event_version: version.to_string(),
            organization_id: read.organization().map(domain::OrganizationId::as_uuid),
            retention: match read.retention() {
                Some(domain::Retention::Year) => Retention::YEAR,
                _ => Retention::FOREVER,
            },
            payload,
        };
        let context = store::Context {
            actor: "system:history".to_owned(),
            metadata: "{}".to_owned(),
            ..store::Context::default()
        };
        let part = Part {
            aggregate_type: kind.to_owned(),
            aggregate_id: self.id(who).to_string(),
            expected: Expected::Any,
            events: vec![new],
        };
        let append = Append { context, parts: vec![part], limits: Vec::new(), idempotency: None };
        self.store.append_with(append, ops).await?;
        Ok(())
    }

    /// The example, about this world and somebody in it, with secrets that can be opened.
    async fn payload(
        &mut self,
        event: &str,
        who: &str,
        version: u16,
    ) -> anyhow::Result<(u16, Value)> {
        let (version, mut text) = self.examples.of(event, version)?;
        if event == "organization.created" {
            text = text.replace("000000000001\"", &format!("0000000000{who}\""));
        }
        if event == "template.created" {
            text = text.replace("000000000031\"", &format!("0000000000{who}\""));
        }
        for once in UNIQUE {
            let other = if event.ends_with(".created") { who } else { "" };
            let other = if matches!(other, "09" | "32" | "33") { other } else { "" };
            text =
                text.replace(&format!("\"{once}\""), &format!("\"{once}-{}{other}\"", self.world));
        }
        text = text.replace("00:11:22:AA:BB:CC", &format!("00:11:22:AA:{:02X}:CC", self.world));
        text = text.replace("00-11-22-AA-BB-CD", &mac_address(self.world));
        for organization in ["000000000001\"", "000000000009\""] {
            let here = format!("-0000-7000-8000-{organization}");
            text = text.replace(&here, &format!("-{:04x}-7000-8000-{organization}", self.land));
        }
        text = text.replace("-0000-7000-8000-", &format!("-{:04x}-7000-8000-", self.world));
        let mut payload: Value = serde_json::from_str(&text)?;
        let kind = event.split('.').next().unwrap_or_default();
        let fields = payload.as_object_mut().and_then(|it| it.values_mut().next());
        let fields = fields.context("a payload has fields")?;
        self.numbered(fields);
        if event == "device.moved" {
            // What it is called by then.
            fields["name"] = json!("00-11-22-AA-BB-CC");
            fields["mac_address"] = json!(mac_address(self.world));
            fields["hardware_id"] = Value::Null;
        }
        let id = self.id(who);
        self.seal(fields, &format!("{kind}|{id}"), "").await?;
        Ok((version, payload))
    }

    /// Numbers are there once, too.
    fn numbered(&self, fields: &mut Value) {
        let mut all = vec![fields];
        while let Some(value) = all.pop() {
            let Some(object) = value.as_object_mut() else { continue };
            for (name, value) in object {
                match value.as_u64() {
                    Some(number) if name == "number" || name == "last_address_number" => {
                        *value = json!(number + 100 * self.world as u64);
                    }
                    _ => all.push(value),
                }
            }
        }
    }

    /// Seals what is sealed, and names what it takes the place of.
    async fn seal(&mut self, fields: &mut Value, stream: &str, of: &str) -> anyhow::Result<()> {
        let (number, token) = (fields["number"].clone(), fields["token_id"].clone());
        let Some(object) = fields.as_object_mut() else { return Ok(()) };
        let names: Vec<String> = object.keys().cloned().collect();
        for name in &names {
            let value = &mut object[name];
            if value.get("envelope").is_none() {
                let inner = format!("{of}{name}|");
                Box::pin(self.seal(value, stream, &inner)).await?;
                continue;
            }
            let kind = stream.split('|').next().unwrap_or_default();
            let place = match (kind, of, name.as_str()) {
                ("organization", _, "secret") => format!("{stream}|shared_secret"),
                ("user", "profile|", _) => format!("{stream}|profile|{name}"),
                ("user", _, "address") => format!("{stream}|address|{number}"),
                ("user", _, "name") => {
                    format!("{stream}|token|{}", token.as_str().unwrap_or_default())
                }
                _ => format!("{stream}|{name}"),
            };
            let (domain, plain) = self.secret(stream, of, name, &value["fingerprint"]);
            let subject = value["envelope"]["$enc"]["s"].as_str().unwrap_or_default();
            let (whose, subject) = subject.split_once(':').context("a subject")?;
            let subject = Uuid::parse_str(subject)?;
            let subject = match whose {
                "person" => Subject::Person(subject),
                _ => Subject::Organization(subject),
            };
            let envelope = self.keyring.seal(subject, &place, plain.as_bytes()).await?;
            let fingerprint = self.keyring.fingerprint(domain, plain.as_bytes());
            *value = json!({ "envelope": envelope, "fingerprint": fingerprint });
            let before = self.held.insert(place, fingerprint);
            if let (Some(from), Some(before)) = (object.get_mut("from"), before)
                && from.as_str().is_some_and(|from| from.len() == 64)
            {
                *from = json!(before);
            }
        }
        // A listed address that goes.
        if of.is_empty()
            && !names.iter().any(|name| name == "address")
            && let Some(before) = self.held.get(&format!("{stream}|address|{number}"))
            && let Some(from) = object.get_mut("from")
        {
            *from = json!(before);
        }
        Ok(())
    }

    /// In which domain something is a secret, and the secret.
    fn secret(
        &self,
        stream: &str,
        of: &str,
        name: &str,
        example: &Value,
    ) -> (&'static str, String) {
        let (world, kind) = (self.world, stream.split('|').next().unwrap_or_default());
        let which = &example.as_str().unwrap_or("0")[..1];
        let (domain, plain) = match (kind, of, name) {
            ("device", ..) => ("device.key", key(world)),
            ("organization", ..) => ("organization.shared_secret", shared_secret(stream, which)),
            ("webhook", ..) => ("webhook.secret", format!("whsec_{}", "QUJD".repeat(8))),
            ("log_in", ..) => ("log_in.network", "192.0.2.7".to_owned()),
            (_, "profile|", _) => ("user.profile", format!("{name} of world {world}")),
            (_, _, "password") => ("user.password", people::HASH.to_owned()),
            (_, _, "username") => ("user.username", format!("old-{world}")),
            (_, _, "phone") => ("user.phone", format!("+39333123{world:04}")),
            (_, _, "name") => ("user.token_name", format!("token of world {world}")),
            _ => ("user.email", format!("old.{world}.{which}@life.example")),
        };
        for secret in
            [&plain].into_iter().filter(|_| matches!(kind, "device" | "organization" | "webhook"))
        {
            note_secret(secret);
        }
        (domain, plain)
    }
}
