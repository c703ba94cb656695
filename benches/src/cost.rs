//! CPU time of the server per request.

use tempfile::TempDir;

use crate::{
    fleet, say,
    server::{Server, TOKEN},
    wire,
};

const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 16;

/// What the reference needs, in milliseconds, and by how much it is to be undercut.
const GOALS: [(&str, f64, f64); 4] = [
    ("poll", 2.4, 50.0),
    ("download", 31.0, 100.0),
    ("report", 44.0, 100.0),
    ("page", 30.0, 100.0),
];

pub(crate) async fn measure(devices: usize) -> anyhow::Result<()> {
    let devices = devices.min(2000);
    let folder = TempDir::new()?;
    let server = Server::start(folder.path())?;
    let (_, fleet) = fleet::seed(&server, devices).await?;
    let page = wire::get("/api/v1/controller/device/?page_size=10", Some(TOKEN));
    let device = |number: usize| &fleet[number % fleet.len()];
    let warm = |number: usize| device(number).checksum(number % fleet.len());
    wire::load(&server.address, CONNECTIONS, devices * 2, warm, |_, _| {}).await?;
    tokio::time::sleep(std::time::Duration::from_secs(8)).await;
    for (what, reference, goal) in GOALS {
        let request = |number: usize| match what {
            "poll" => device(number).checksum(number % fleet.len()),
            "download" => device(number).download(),
            // Every report is a change of status, as the worst case has it.
            "report" => device(number).report(if (number / fleet.len()).is_multiple_of(2) {
                "applied"
            } else {
                "modified"
            }),
            _ => page.clone(),
        };
        let before = server.usage()?;
        let done = wire::load(&server.address, CONNECTIONS, REQUESTS, request, |_, _| {}).await?;
        // What requests leave to be done belongs to them.
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        let spent = server.usage()?.cpu.saturating_sub(before.cpu);
        anyhow::ensure!(done.refused.is_empty(), "{what}: refused {:?}", &done.refused[..1]);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let each = spent.as_secs_f64() * 1000.0 / REQUESTS as f64;
        say(&format!(
            "{what}: {each:.4} ms of CPU, {:.0}/s; the reference {reference} ms: {:.0} times cheaper (goal {goal:.0})",
            done.per_second(),
            reference / each
        ));
    }
    server.stop();
    Ok(())
}
