//! What has to be true at the end of a life.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use serde_json::json;
use tokio::time::Instant;
use wisptrail_tests::{ADMIN_TOKEN, Client, Home, Server, Start};

use crate::{
    driver::Life,
    kinds::{self, ONLY},
    rebuild,
    tables::{Look, Tables, differences},
};

const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(100);

/// Configurations of which an input changed since they were rendered, and those that a device has not told the end
/// of. Nobody renders for devices that are not served any more.
const UNTOLD: &str = "SELECT CAST(d.mac_address AS text), CAST(d.id AS text), c.status, CAST(r.position AS text),
    CAST(d.changed AS text), CAST(c.changed AS text), CAST(o.changed AS text), CAST(g.changed AS text) FROM configurations c
    JOIN devices d ON d.id = c.device_id
    LEFT JOIN renderings r ON r.device_id = c.device_id
    LEFT JOIN organizations o ON o.id = d.organization_id
    LEFT JOIN device_groups g ON g.id = d.group_id
    WHERE c.status <> 'deactivated' AND (c.status <> 'applied' OR r.device_id IS NULL OR r.position < d.changed OR r.position < c.changed OR r.position < o.changed
    OR r.position < g.changed
    OR EXISTS (SELECT 1 FROM configuration_templates l JOIN templates t ON t.id = l.template_id
               WHERE l.device_id = c.device_id AND t.changed > r.position))";
/// Devices that are served and have something to download.
const SERVED: &str = "SELECT CAST(d.mac_address AS text), CAST(d.id AS text) FROM devices d
    JOIN configurations c ON c.device_id = d.id WHERE c.status = 'applied' ORDER BY 1";
const RENDERED: &str = "SELECT count(*) FROM events WHERE event_type = 'configuration.rendered'";
const PREVIEW: &str =
    "query ($id: ID!) { previewDevice(input: { changeDevice: { id: $id } }) { md5 } }";

/// What is left of a life when everything was proven that one database can prove.
pub(crate) struct Remains {
    /// What other runs of the seed have, too.
    pub(crate) common: BTreeMap<String, Vec<String>>,
    pub(crate) events: i64,
    pub(crate) archives: usize,
}

/// Every table is what a rebuild makes of the log, the chain holds, and every archive is what is rendered afresh.
pub(crate) async fn prove(life: &Life) -> anyhow::Result<Remains> {
    let home = &life.home;
    let server = started(home).await?;
    told(life, &server).await.context("devices come to rest")?;
    let before = archives(life, &server).await?;
    anyhow::ensure!(server.stop().await?.code() == Some(0), "it does not stop well");

    let derived = kinds::derived();
    let before_rebuild = Look::at(home).await?.tables(&derived, ONLY).await?;
    verified(home).await?;
    rebuild::until_done(home).await?;
    let rebuilt = Look::at(home).await?.tables(&derived, ONLY).await?;
    // What one that died has left behind is gone, too.
    let unknown = kinds::unknown(&Look::at(home).await?.names().await?);
    anyhow::ensure!(
        unknown.is_empty(),
        "do these follow from the log? If not, docs/testing.md says what they are: {unknown:?}"
    );
    let found =
        differences(&kinds::as_rebuilt(before_rebuild), &kinds::as_rebuilt(rebuilt.clone()));
    anyhow::ensure!(found.is_empty(), "live, then rebuilt:\n{}", found.join("\n"));
    verified(home).await?;

    // What was computed before is forgotten.
    let mut look = Look::at(home).await?;
    let (events, rendered) =
        (look.count("SELECT position FROM store_head").await?, look.count(RENDERED).await?);
    drop(look);
    home.execute("DELETE FROM renderings").await?;
    let server = started(home).await?;
    let admin = server.client().with_token(ADMIN_TOKEN);
    for (mac, bytes) in &before {
        let id = life.ids.lock().get(mac).cloned().context("an id")?;
        let preview = admin.graphql_data(PREVIEW, json!({ "id": id })).await?;
        let md5 = hex::encode(<md5::Md5 as md5::Digest>::digest(bytes));
        anyhow::ensure!(
            preview["previewDevice"]["md5"] == md5,
            "{mac} ({id}) downloads {md5}; what is rendered afresh is {preview}"
        );
    }
    told(life, &server).await.context("everything is rendered afresh")?;
    let after = archives(life, &server).await?;
    anyhow::ensure!(before == after, "archives are others after everything was filled again");
    anyhow::ensure!(server.stop().await?.code() == Some(0), "it does not stop well");
    let again = Look::at(home).await?.count(RENDERED).await?;
    anyhow::ensure!(rendered == again, "{} archives became others", again - rendered);

    let common = kinds::in_common(&rebuilt, &names(life, &rebuilt));
    Ok(Remains { common, events, archives: before.len() })
}

async fn started(home: &Arc<Home>) -> anyhow::Result<Server> {
    Server::start_in(Arc::clone(home), Start::default()).await
}

/// Devices ask and report until there is nothing that one of them has not told.
async fn told(life: &Life, server: &Server) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut look = Look::at(&life.home).await?;
    loop {
        life.rest(&mut look).await?;
        let untold = look.ask(UNTOLD).await?;
        if untold.is_empty() {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < until, "some are never told: {untold:?}");
        for mac in here(&mut look).await? {
            life.visit(&server.client(), &mac, "applied").await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Addresses of all devices whose keys are known.
async fn here(look: &mut Look) -> anyhow::Result<Vec<String>> {
    let rows = look.ask("SELECT CAST(mac_address AS text) FROM devices ORDER BY 1").await?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// What every device downloads, by address.
async fn archives(life: &Life, server: &Server) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut look = Look::at(&life.home).await?;
    let mut archives = BTreeMap::new();
    let client: Client = server.client();
    for row in look.ask(SERVED).await? {
        let mac = row.into_iter().next().flatten().context("an address")?;
        let (id, key) = life.agent(&mac)?;
        let path = |what: &str| format!("/controller/{what}/{id}/?key={key}");
        let checksum = client.get(&path("checksum")).await?.expect(200)?.text();
        let bytes = client.get(&path("download-config")).await?.expect(200)?.body;
        let md5 = hex::encode(<md5::Md5 as md5::Digest>::digest(&bytes));
        anyhow::ensure!(checksum.trim() == md5, "{mac}: {checksum} is not {md5}");
        archives.insert(mac, bytes);
    }
    Ok(archives)
}

/// Chain and tables, as operators have them checked.
async fn verified(home: &Home) -> anyhow::Result<()> {
    rebuild::run(home, &["verify"]).await?.success().map(drop)
}

/// What ids stand for that the server chose: those of devices that agents made known.
fn names(life: &Life, tables: &Tables) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    if let Some(devices) = tables.get("devices") {
        let at = |column: &str| devices.columns.iter().position(|it| it == column);
        let (id, mac) = (at("id").unwrap_or(0), at("mac_address").unwrap_or(0));
        for row in devices.rows.values() {
            if let (Some(id), Some(mac)) = (&row[id], &row[mac])
                && !life.chosen.contains(id)
            {
                names.insert(id.clone(), format!("device {mac}"));
            }
        }
    }
    names
}
