//! `wisptrail bench`: logs to measure with.

use std::{
    net::{IpAddr, Ipv4Addr},
    process::ExitCode,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, bail};
use app::{
    AgentRefused, App, By, ConfigurationChange, DeviceChange, Failure, NewGroup, NewOrganization,
    NewTemplate, NewUser, Peer, Registration, ReportedInformation, TemplateChange, UserChange,
};
use clap::{Args, Subcommand};
use domain::{
    DeviceId, Document, GroupId, OrganizationId, TemplateId, UserId,
    accounts::{DeviceLimit, OrganizationDetails},
    configuration::ReportedStatus,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use store::{Query, args};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cli::{self, Place},
    serve::open,
    settings,
};

/// Logs to measure with.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Fills an empty data folder or database with the history of a fleet, through the use cases that people and agents have.
    Generate(GenerateArgs),
}

/// `wisptrail bench generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    place: Place,
    /// What happens in it follows from this number; ids, secrets and times do not.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The log has at least so many events in the end; a device for every hundred of them.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(i64).range(1_000..=100_000_000))]
    events: i64,
}

/// Use cases at once.
const AT_ONCE: usize = 64;
/// Events for each device.
const PER_DEVICE: i64 = 100;
/// Devices of an organization, about.
const OF_ORGANIZATION: usize = 1_000;
const BACKEND: &str = "netjsonconfig.OpenWrt";

/// Runs the command.
pub(crate) async fn run(command: BenchCommand) -> anyhow::Result<ExitCode> {
    let BenchCommand::Generate(args) = command;
    let mut settings = settings::load(&args.place, None, false)?.settings;
    // Nobody misses a log to measure with after a power cut.
    settings.database.durability = settings::Durability::Normal;
    let opened = open::open(&settings).await?;
    let outcome = async {
        if opened.app.store().head() > 0 {
            bail!("the log has events already: name an empty data folder or database");
        }
        generate(&opened.app, &args).await
    }
    .await;
    opened.close().await;
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// Fills the log and says what is in it.
async fn generate(app: &App, args: &GenerateArgs) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    for background in app.background(|| stop.clone().cancelled_owned()) {
        tasks.spawn(background.run);
    }
    let owner = workers::Owner { name: "bench".to_owned(), stop: stop.clone() };
    for worker in workers::all(app, &owner) {
        let head = app.store().watch();
        tasks.spawn(workers::run(worker, head, stop.clone().cancelled_owned()));
    }
    let outcome = async {
        let fleet = Fleet::register(app, args).await?;
        let mut random = StdRng::seed_from_u64(args.seed);
        let mut round: u64 = 0;
        while app.store().head() < args.events {
            round += 1;
            fleet.round(app, &mut random, round).await?;
            if round.is_multiple_of(10) {
                cli::print(&format!("position {} of {}", app.store().head(), args.events))?;
            }
        }
        shares(app).await
    }
    .await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    outcome
}

/// How many events of each type there are.
async fn shares(app: &App) -> anyhow::Result<()> {
    let text = "SELECT event_type, count(*) FROM events GROUP BY event_type ORDER BY 2 DESC, 1";
    let rows = app.store().fetch(Query::new(text, args![])).await?;
    let mut all: i64 = 0;
    let mut counted = Vec::new();
    for row in &rows {
        let (name, count) = (row.text(0)?, row.int(1)?);
        all += count;
        counted.push((name, count));
    }
    for (name, count) in counted {
        let thousandths = count * 1000 / all.max(1);
        cli::print(&format!("{count:>9}  {:>3}.{} %  {name}", thousandths / 10, thousandths % 10))?;
    }
    cli::print(&format!("{all:>9}           in all"))?;
    Ok(())
}

struct Device {
    id: DeviceId,
    key: String,
}

struct Tenant {
    groups: Vec<GroupId>,
    templates: Vec<TemplateId>,
    users: Vec<UserId>,
    devices: Vec<Device>,
}

struct Fleet {
    tenants: Vec<Tenant>,
    named: AtomicU32,
}

fn by() -> By {
    By::system("bench")
}

fn peer(number: usize) -> Peer {
    let [_, a, b, c] = u32::try_from(number).unwrap_or_default().to_be_bytes();
    Peer { address: IpAddr::V4(Ipv4Addr::new(10, a, b, c)), correlation_id: None }
}

fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

fn contents(number: u64) -> Document {
    document(json!({
        "general": { "timezone": "Europe/Rome", "description": format!("version {number}") },
        "ntp": { "enabled": true, "server": ["0.openwrt.pool.ntp.org", "1.openwrt.pool.ntp.org"] },
        "files": [{ "path": "/etc/banner", "mode": "0644", "contents": format!("{{{{ name }}}} {number}\n") }]
    }))
}

/// A name is taken and other refusals are no reason to stop: the next event comes.
fn tolerated<T>(done: Result<T, Failure>) -> anyhow::Result<()> {
    match done {
        Ok(_) | Err(Failure::Taken(_) | Failure::Refused(_) | Failure::Busy) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn reported<T>(done: Result<T, AgentRefused>) -> anyhow::Result<()> {
    done.map(drop).map_err(|refused| anyhow::anyhow!("an agent was refused: {refused:?}"))
}

impl Fleet {
    async fn register(app: &App, args: &GenerateArgs) -> anyhow::Result<Self> {
        let devices = usize::try_from(args.events / PER_DEVICE).unwrap_or(usize::MAX).max(1);
        let tenants = devices.div_ceil(OF_ORGANIZATION);
        let mut made = Vec::with_capacity(tenants);
        for number in 0..tenants {
            let share = devices / tenants + usize::from(number < devices % tenants);
            made.push(Tenant::make(app, number, share).await?);
            cli::print(&format!("{share} devices of organization {number} are registered"))?;
        }
        Ok(Self { tenants: made, named: AtomicU32::new(0) })
    }

    /// A while in the life of an organization: one of its templates changes, and its devices apply that; some devices, people
    /// and groups change on their own.
    async fn round(&self, app: &App, random: &mut StdRng, round: u64) -> anyhow::Result<()> {
        let tenant = &self.tenants[random.random_range(0..self.tenants.len())];
        let template = tenant.templates[random.random_range(0..tenant.templates.len())];
        let change = TemplateChange { config: Some(contents(round)), ..TemplateChange::default() };
        tolerated(app.templates().change(&by(), template, change).await)?;
        let everybody = tenant.devices.iter().map(|device| (device, random.random::<u32>()));
        let everybody: Vec<_> = everybody.collect();
        stream::iter(everybody)
            .map(|(device, luck)| async move { self.live(app, tenant, device, luck, round).await })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;

        let user = tenant.users[random.random_range(0..tenant.users.len())];
        let profile =
            vec![(domain::accounts::ProfileField::Notes, format!("seen in round {round}"))];
        let change = UserChange { profile, ..UserChange::default() };
        tolerated(app.accounts().change(&by(), user, change).await)?;
        if round.is_multiple_of(20) {
            let group = tenant.groups[random.random_range(0..tenant.groups.len())];
            let change = app::GroupChange {
                context: Some(document(json!({ "round": round.to_string() }))),
                ..app::GroupChange::default()
            };
            tolerated(app.groups().change(&by(), group, change).await)?;
        }
        Ok(())
    }

    /// What a device does in a round, and what is done to it.
    async fn live(
        &self,
        app: &App,
        tenant: &Tenant,
        device: &Device,
        luck: u32,
        round: u64,
    ) -> anyhow::Result<()> {
        let Device { id, key } = device;
        let peer = peer(usize::try_from(luck >> 8).unwrap_or_default());
        let change = match luck % 20 {
            0..=2 => Some(DeviceChange {
                configuration: Some(ConfigurationChange {
                    context: Some(document(json!({ "own": round.to_string() }))),
                    ..ConfigurationChange::default()
                }),
                ..DeviceChange::default()
            }),
            3 => Some(DeviceChange {
                notes: Some(format!("looked at in round {round}")),
                ..DeviceChange::default()
            }),
            4 if luck.is_multiple_of(3) => Some(DeviceChange {
                name: Some(format!("ap-{}", self.named.fetch_add(1, Ordering::Relaxed))),
                ..DeviceChange::default()
            }),
            5 if luck.is_multiple_of(5) => {
                let group = tenant.groups[luck as usize % tenant.groups.len()];
                Some(DeviceChange { group: Some(Some(group)), ..DeviceChange::default() })
            }
            6 => Some(DeviceChange {
                management_ip: Some(Some(peer.address)),
                ..DeviceChange::default()
            }),
            _ => None,
        };
        if let Some(change) = change {
            tolerated(app.devices().change(&by(), *id, change).await)?;
        }
        let agents = app.agents();
        if luck.is_multiple_of(11) {
            let information = ReportedInformation {
                os: Some(format!("OpenWrt 24.10.{round}")),
                ..ReportedInformation::default()
            };
            reported(agents.update_info(*id, Some(key), information, peer).await)?;
        }
        reported(agents.download(*id, Some(key), None, peer).await)?;
        let status = match luck % 50 {
            0 => ReportedStatus::Error(Some("the configuration could not be applied".to_owned())),
            _ => ReportedStatus::Applied,
        };
        reported(agents.report(*id, Some(key), status, peer).await)
    }
}

impl Tenant {
    /// An organization with templates, groups, people and devices.
    async fn make(app: &App, number: usize, devices: usize) -> anyhow::Result<Self> {
        let organization = OrganizationId::from_uuid(app.new_id());
        let secret = format!("secret-of-organization-{number:04}");
        let new = NewOrganization {
            id: organization,
            name: format!("Organization {number}"),
            slug: format!("organization-{number}"),
            details: OrganizationDetails::default(),
            is_active: true,
            registration_enabled: true,
            shared_secret: Some(secret.clone().into()),
            context: document(json!({ "country": "IT" })),
            device_limit: DeviceLimit::Unlimited,
        };
        app.organizations().create(&by(), new).await.context("an organization")?;
        let mut templates = Vec::new();
        for part in 0..4 {
            let id = TemplateId::from_uuid(app.new_id());
            templates.push(id);
            let new = NewTemplate {
                id,
                organization_id: Some(organization),
                name: format!("template {part}"),
                backend: BACKEND.to_owned(),
                config: contents(part),
                default_values: Document::new(),
                tags: Vec::new(),
                default: true,
                required: part == 0,
                notes: String::new(),
            };
            app.templates().create(&by(), new).await.context("a template")?;
        }
        let mut groups = Vec::new();
        for part in 0..5 {
            let id = GroupId::from_uuid(app.new_id());
            groups.push(id);
            let new = NewGroup {
                id,
                organization_id: organization,
                name: format!("group {part}"),
                description: String::new(),
                templates: Vec::new(),
                context: Document::new(),
                meta_data: Document::new(),
            };
            app.groups().create(&by(), new).await.context("a group")?;
        }
        let mut users = Vec::new();
        for part in 0..20 {
            let id = UserId::from_uuid(app.new_id());
            users.push(id);
            let new = NewUser::new(id, format!("user-{number}-{part}"));
            app.accounts().create(&by(), new).await.context("an account")?;
        }
        let registered = stream::iter(0..devices)
            .map(|device| {
                let secret = secret.clone();
                async move {
                    let [_, _, _, _, _, a, b, c] =
                        ((number * 100_000 + device) as u64).to_be_bytes();
                    let registration = Registration {
                        secret,
                        name: format!("device-{number}-{device}"),
                        mac_address: format!("02:00:00:{a:02X}:{b:02X}:{c:02X}"),
                        backend: BACKEND.to_owned(),
                        key: None,
                        hardware_id: None,
                        model: Some(format!("Model {}", device % 7)),
                        os: Some("OpenWrt 24.10.0".to_owned()),
                        system: None,
                        tags: Vec::new(),
                    };
                    let agents = app.agents();
                    let done = agents.register(registration, peer(number * 100_000 + device));
                    let done = done
                        .await
                        .map_err(|refused| anyhow::anyhow!("a device was refused: {refused:?}"))?;
                    anyhow::Ok(Device { id: done.device_id, key: done.key })
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(Self { groups, templates, users, devices: registered })
    }
}
