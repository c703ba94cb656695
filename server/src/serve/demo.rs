//! `--demo`: an organization with groups and templates, and 25 devices that speak the real protocol.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use app::{App, By, NewGroup, NewOrganization, NewTemplate, TemplateChange};
use domain::{
    Document, GroupId, OrganizationId, TemplateId,
    accounts::{DeviceLimit, OrganizationDetails},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::fleet::{Course, Fleet, Options, Pace};

/// Devices of the demonstration.
const DEVICES: u32 = 25;
const SECRET: &str = "wisptrail-demo-secret";
/// Fixed, so that a second start finds what the first made.
const ORGANIZATION: OrganizationId =
    OrganizationId::from_uuid(Uuid::from_u128(0x0de0_0000_0000_7000_8000_0000_0000_0001));
const BASE: TemplateId =
    TemplateId::from_uuid(Uuid::from_u128(0x0de0_0000_0000_7000_8000_0000_0000_0011));
const WIFI: TemplateId =
    TemplateId::from_uuid(Uuid::from_u128(0x0de0_0000_0000_7000_8000_0000_0000_0012));
const MESH: TemplateId =
    TemplateId::from_uuid(Uuid::from_u128(0x0de0_0000_0000_7000_8000_0000_0000_0013));
const ROOFS: GroupId =
    GroupId::from_uuid(Uuid::from_u128(0x0de0_0000_0000_7000_8000_0000_0000_0021));

/// Makes the organization, its templates and its group, unless they are there.
pub(super) async fn seed(app: &App) -> anyhow::Result<()> {
    let by = By::system("demo");
    if app.organizations().get(&by, ORGANIZATION).await.is_ok() {
        return Ok(());
    }
    let organization = NewOrganization {
        id: ORGANIZATION,
        name: "Harbour Wireless".to_owned(),
        slug: "harbour-wireless".to_owned(),
        details: OrganizationDetails {
            description: "A demonstration: a community network of 25 simulated devices.".to_owned(),
            ..OrganizationDetails::default()
        },
        is_active: true,
        registration_enabled: true,
        shared_secret: Some(SECRET.to_owned().into()),
        context: document(json!({ "country": "IT" })),
        device_limit: DeviceLimit::AtMost(1000),
    };
    app.organizations().create(&by, organization).await.context("the demo's organization")?;
    let base = json!({
        "general": { "timezone": "Europe/Rome" },
        "ntp": { "enabled": true, "server": ["0.openwrt.pool.ntp.org", "1.openwrt.pool.ntp.org"] },
        "files": [{ "path": "/etc/banner", "mode": "0644", "contents": "{{ name }} of Harbour Wireless\n" }]
    });
    let wifi = json!({
        "interfaces": [
            { "type": "wireless", "name": "wlan0",
              "wireless": { "mode": "access_point", "radio": "radio0", "ssid": "{{ ssid }}" } }
        ]
    });
    let mesh = json!({
        "files": [{ "path": "/etc/mesh", "mode": "0644", "contents": "channel {{ mesh_channel }}\n" }]
    });
    for (id, name, config, values, required, default) in [
        (BASE, "base", base, json!({}), true, true),
        (WIFI, "public-wifi", wifi, json!({ "ssid": "Wisptrail" }), false, true),
        (MESH, "mesh", mesh, json!({ "mesh_channel": "36" }), false, false),
    ] {
        let template = NewTemplate {
            id,
            organization_id: Some(ORGANIZATION),
            name: name.to_owned(),
            backend: "netjsonconfig.OpenWrt".to_owned(),
            config: document(config),
            default_values: document(values),
            tags: if id == MESH { vec!["mesh".to_owned()] } else { Vec::new() },
            default,
            required,
            notes: String::new(),
        };
        app.templates().create(&by, template).await.with_context(|| format!("template {name}"))?;
    }
    let group = NewGroup {
        id: ROOFS,
        organization_id: ORGANIZATION,
        name: "Roofs".to_owned(),
        description: "Devices that see each other.".to_owned(),
        templates: vec![MESH],
        context: document(json!({ "mesh_channel": "44" })),
        meta_data: Document::new(),
    };
    app.groups().create(&by, group).await.context("the demo's group")?;
    Ok(())
}

/// Switches the devices on, and changes a template once they run, so that the change can be seen travelling.
pub(super) async fn run(app: App, address: SocketAddr, folder: PathBuf, stop: CancellationToken) {
    let mut options = Options::new(format!("http://{address}"), SECRET.to_owned().into());
    options.devices = DEVICES;
    options.pace = Pace::real(Duration::from_secs(10));
    options.ramp = Duration::from_secs(5);
    options.state = Some(folder.join("demo-fleet.json"));
    let fleet = match Fleet::new(options) {
        Ok(fleet) => fleet,
        Err(error) => return tracing::error!("the demo's devices cannot be made: {error:#}"),
    };
    tracing::info!("{DEVICES} simulated devices are switched on");
    let change = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(40)) => travel(&app).await,
        }
    };
    let (outcome, ()) = tokio::join!(fleet.run(Course::default(), stop.clone()), change);
    if let Err(error) = outcome {
        tracing::error!("the demo's devices ended: {error:#}");
    }
}

async fn travel(app: &App) {
    let by = By::system("demo");
    let Ok(row) = app.templates().get(&by, WIFI).await else { return };
    let present = row.default_values.get("ssid").and_then(Value::as_str).unwrap_or_default();
    let other = if present == "Wisptrail" { "Wisptrail-2" } else { "Wisptrail" };
    let change = TemplateChange {
        default_values: Some(document(json!({ "ssid": other }))),
        ..TemplateChange::default()
    };
    match app.templates().change(&by, WIFI, change).await {
        Ok(done) => tracing::info!(
            position = done.position,
            "template public-wifi was changed; its devices fetch the change at their next poll"
        ),
        Err(failure) => tracing::warn!("the demo's template was not changed: {failure}"),
    }
}

fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}
