//! One simulated device: boot, registration, cycle after cycle, as its agent goes through them.

use std::{convert::Infallible, fmt::Write, sync::Arc};

use rand_chacha::ChaCha8Rng;
use reqwest::RequestBuilder;
use secrecy::ExposeSecret;
use tokio::{sync::watch, time::sleep};
use tracing::debug;

use super::{
    archive,
    identity::{self, Identity, Purpose},
    ledger::Remembered,
    measure::{Happening, Request},
    pace,
    wire::{Answer, Silence},
    world::World,
};

/// A device with its memory.
pub(super) struct Agent {
    world: Arc<World>,
    number: u32,
    identity: Identity,
    pauses: ChaCha8Rng,
    /// UCI and the persistent checksum: what survives a reboot.
    remembered: Option<Remembered>,
    /// The checksum in memory; the one of a configuration that failed is here only.
    working: Option<String>,
    settled: bool,
    /// Settled, or ended: nothing is waited for.
    done: bool,
}

/// Why an agent's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The device was not found, five times.
    NotFound,
    /// Registration was answered with 403.
    Refused,
    /// What answered is not a controller.
    NoHeader,
}

/// What became of a configuration.
enum Outcome {
    Applied,
    /// The backup is in place again, for this reason.
    Failed(String),
}

impl Agent {
    pub(super) fn new(world: Arc<World>, number: u32) -> Self {
        Self {
            identity: Identity::new(world.seed, number),
            pauses: identity::generator(world.seed, number, Purpose::Pauses),
            remembered: world.ledger.recall(number),
            working: None,
            settled: false,
            done: false,
            world,
            number,
        }
    }

    /// Lives until the fleet is taken down; every change of `boots` is a power cut.
    pub(super) async fn live(mut self, mut boots: watch::Receiver<u32>) {
        sleep(self.world.start_delay(self.number)).await;
        boots.mark_unchanged();
        loop {
            tokio::select! {
                biased;
                changed = boots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = self.boot() => {
                    // The agent has ended; only a reboot starts it again.
                    if boots.changed().await.is_err() {
                        return;
                    }
                }
            }
            self.world.measures.happened(Happening::Rebooted);
        }
    }

    /// From power-on until the supervisor starts the agent no more.
    async fn boot(&mut self) {
        self.working = self.remembered.as_ref().and_then(|kept| kept.checksum.clone());
        for start in 0..=pace::RESPAWNS {
            let Err(ended) = self.process(start == 0).await;
            debug!(device = self.identity.name, ?ended, "agent ended");
            match ended {
                Ended::NoHeader if start == pace::RESPAWNS => {
                    self.world.measures.happened(Happening::Lost);
                }
                Ended::NoHeader => sleep(self.world.pace.respawn_delay).await,
                Ended::NotFound => {
                    self.world.measures.happened(Happening::GaveUp);
                    break;
                }
                Ended::Refused => {
                    self.world.measures.happened(Happening::Refused);
                    break;
                }
            }
        }
        self.done();
    }

    /// One run of the agent's program.
    async fn process(&mut self, first_since_boot: bool) -> Result<Infallible, Ended> {
        let (me, known) = match self.remembered.clone() {
            Some(me) => {
                if first_since_boot {
                    sleep(self.world.pace.boot(&mut self.pauses)).await;
                    self.update_info(&me).await?;
                }
                (me, true)
            }
            None => (self.register().await?, false),
        };
        // The management address is looked up from the second cycle after a registration on.
        let mut address_known = known;
        loop {
            self.cycle(&me, address_known).await?;
            address_known = true;
            sleep(self.world.pace.interval).await;
        }
    }

    /// Asks until the server takes the device.
    async fn register(&mut self) -> Result<Remembered, Ended> {
        loop {
            let secret = self.world.secret.expose_secret();
            let key = self.identity.consistent_key(secret);
            let form = [
                ("backend", "netjsonconfig.OpenWrt"),
                ("key", &key),
                ("secret", secret),
                ("name", &self.identity.name),
                ("hardware_id", ""),
                ("mac_address", &self.identity.mac_address),
                ("tags", &self.world.tags),
                ("model", self.identity.model),
                ("os", &self.identity.os),
                ("system", self.identity.system),
            ];
            let request = self.world.wire.post("register/").form(&form);
            if let Ok(answer) = self.exchange(Request::Register, request).await {
                self.expect_controller(&answer)?;
                match answer.status {
                    201 => {
                        if let Some(me) = self.registered(&answer) {
                            return Ok(me);
                        }
                    }
                    403 => return Err(Ended::Refused),
                    _ => {}
                }
            }
            sleep(self.world.pace.registration_interval).await;
        }
    }

    fn registered(&mut self, answer: &Answer) -> Option<Remembered> {
        let words = (answer.word("uuid"), answer.word("key"), answer.word("is-new"));
        let (Some(uuid), Some(key), Some(is_new)) = words else {
            self.world.measures.error("unreadable registration".to_owned());
            return None;
        };
        let happening = match is_new.as_str() {
            "0" => Happening::Returned,
            "1" => Happening::Registered,
            _ => {
                self.world.measures.error("unreadable registration".to_owned());
                return None;
            }
        };
        self.world.measures.happened(happening);
        debug!(device = self.identity.name, uuid, is_new, "device registered");
        let me = Remembered { uuid, key, checksum: None };
        self.remember(Some(me.clone()));
        Some(me)
    }

    /// Tells what the device is, after a boot; anything but silence is good enough.
    async fn update_info(&mut self, me: &Remembered) -> Result<(), Ended> {
        for _ in 0..pace::TRIES {
            let form = [
                ("key", me.key.as_str()),
                ("model", self.identity.model),
                ("os", &self.identity.os),
                ("system", self.identity.system),
            ];
            let request = self.world.wire.post(&format!("update-info/{}/", me.uuid)).form(&form);
            if let Ok(answer) = self.exchange(Request::UpdateInfo, request).await {
                return if answer.status == 200 { self.expect_controller(&answer) } else { Ok(()) };
            }
            sleep(self.world.pace.update_info_retry).await;
        }
        Ok(())
    }

    /// Looks for a new configuration and deals with it.
    async fn cycle(&mut self, me: &Remembered, address_known: bool) -> Result<(), Ended> {
        let Some(checksum) = self.poll(me, address_known).await? else { return Ok(()) };
        if self.working.as_ref() == Some(&checksum) {
            self.settle();
            return Ok(());
        }
        let Some(archive) = self.download(me, address_known).await else {
            self.working = None;
            return Ok(());
        };
        if identity::md5_hex(&archive) != checksum {
            self.world.measures.error("checksum mismatch".to_owned());
            self.working = None;
            return Ok(());
        }
        self.world.measures.happened(Happening::Downloaded);
        self.working = Some(checksum.clone());
        let outcome = self.apply(me, &archive, &checksum).await;
        if self.report(me, &outcome).await? {
            if let Outcome::Applied = outcome {
                self.remember(Some(Remembered { checksum: Some(checksum), ..me.clone() }));
            }
            self.settle();
        } else {
            self.working = None;
            self.remember(Some(Remembered { checksum: None, ..me.clone() }));
        }
        Ok(())
    }

    async fn poll(
        &mut self,
        me: &Remembered,
        address_known: bool,
    ) -> Result<Option<String>, Ended> {
        let mut not_found = 0;
        for _ in 0..pace::TRIES {
            let request = self.get("checksum", me, address_known);
            match self.exchange(Request::Checksum, request).await {
                Ok(answer) if answer.status == 200 => {
                    self.expect_controller(&answer)?;
                    self.world.measures.happened(Happening::Polled);
                    return Ok(Some(answer.last_line()));
                }
                Ok(answer) if answer.status == 404 => {
                    not_found += 1;
                    if not_found == pace::NOT_FOUND_TRIES {
                        return Err(Ended::NotFound);
                    }
                    sleep(self.world.pace.not_found_delay).await;
                }
                Ok(_) | Err(_) => {}
            }
            sleep(self.world.pace.retry(&mut self.pauses)).await;
        }
        Ok(None)
    }

    async fn download(&mut self, me: &Remembered, address_known: bool) -> Option<Vec<u8>> {
        for _ in 0..pace::TRIES {
            let request = self.get("download-config", me, address_known);
            match self.exchange(Request::Download, request).await {
                // curl takes a redirect for an answer, and its page for an archive.
                Ok(answer) if answer.status < 400 => return Some(answer.body),
                Ok(_) | Err(_) => sleep(self.world.pace.retry(&mut self.pauses)).await,
            }
        }
        None
    }

    /// Writes the files, reloads services and looks whether the controller is still there.
    async fn apply(&mut self, me: &Remembered, archive: &[u8], checksum: &str) -> Outcome {
        if let Err(problem) = archive::open(archive) {
            self.world.measures.error("unusable archive".to_owned());
            return Outcome::Failed(chain(&problem));
        }
        let mac_address = &self.identity.mac_address;
        let fails =
            identity::fails(self.world.seed, mac_address, checksum, self.world.failing_share);
        sleep(self.world.pace.post_reload_delay).await;
        if fails {
            return Outcome::Failed(failure(checksum));
        }
        for _ in 0..pace::TRIES {
            let request = self.get("checksum", me, false);
            if self.exchange(Request::Test, request).await.is_ok() {
                return Outcome::Applied;
            }
            sleep(self.world.pace.test_retry(&mut self.pauses)).await;
        }
        Outcome::Failed("the controller did not answer after the change".to_owned())
    }

    /// Whether the server took note.
    async fn report(&mut self, me: &Remembered, outcome: &Outcome) -> Result<bool, Ended> {
        for _ in 0..pace::TRIES {
            let request = self.world.wire.post(&format!("report-status/{}/", me.uuid));
            let request = match outcome {
                // Agents leave an empty field at the end.
                Outcome::Applied => request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(format!("key={}&status=applied&", me.key)),
                Outcome::Failed(reason) if self.identity.explains_errors => request.form(&[
                    ("key", me.key.as_str()),
                    ("status", "error"),
                    ("error_reason", &shortened(reason)),
                ]),
                Outcome::Failed(_) => {
                    request.form(&[("key", me.key.as_str()), ("status", "error")])
                }
            };
            match self.exchange(Request::Report, request).await {
                Ok(answer) if answer.status == 200 => {
                    self.expect_controller(&answer)?;
                    self.world.measures.happened(match outcome {
                        Outcome::Applied => Happening::Applied,
                        Outcome::Failed(_) => Happening::Failed,
                    });
                    debug!(device = self.identity.name, uuid = me.uuid, "configuration reported");
                    return Ok(true);
                }
                Ok(_) | Err(_) => sleep(self.world.pace.retry(&mut self.pauses)).await,
            }
        }
        Ok(false)
    }

    fn get(&self, what: &str, me: &Remembered, address_known: bool) -> RequestBuilder {
        let request =
            self.world.wire.get(&format!("{what}/{}/", me.uuid)).query(&[("key", &me.key)]);
        if address_known {
            request.query(&[("management_ip", &self.identity.management_address)])
        } else {
            request
        }
    }

    async fn exchange(&self, kind: Request, request: RequestBuilder) -> Result<Answer, Silence> {
        self.world.wire.exchange(kind, request, &self.world.measures).await
    }

    fn expect_controller(&self, answer: &Answer) -> Result<(), Ended> {
        if answer.is_from_controller() {
            return Ok(());
        }
        self.world.measures.error("missing header".to_owned());
        Err(Ended::NoHeader)
    }

    fn remember(&mut self, remembered: Option<Remembered>) {
        self.world.ledger.remember(self.number, remembered.clone());
        self.remembered = remembered;
    }

    fn settle(&mut self) {
        if !std::mem::replace(&mut self.settled, true) {
            self.world.one_settled();
        }
        self.done();
    }

    fn done(&mut self) {
        if !std::mem::replace(&mut self.done, true) {
            self.world.one_done();
        }
    }
}

/// The end of a device's log after a change that did not work; one in four is longer than agents
/// may report.
fn failure(checksum: &str) -> String {
    let kind = checksum.bytes().next().map_or(0, |byte| byte % 4);
    let mut log = format!("simulated device: configuration {checksum} was fetched\n");
    let reason = match kind {
        0 => "network: interface wan has no carrier after the reload",
        1 => "wireless: radio0 refused its channel",
        2 => "the controller did not answer after the change",
        _ => "firewall: zone lan names an interface that does not exist",
    };
    for line in 0..if kind == 3 { 40 } else { 1 } {
        // Writing to a string cannot fail.
        let _ = writeln!(log, "{reason} ({line})");
    }
    log.push_str("the former configuration was restored");
    log
}

/// Cuts a reason the way agents do: 1011 bytes and a mark.
fn shortened(reason: &str) -> String {
    const LIMIT: usize = 1011;
    if reason.len() <= LIMIT {
        return reason.to_owned();
    }
    format!("{}\n[truncated]", &reason[..reason.floor_char_boundary(LIMIT)])
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(shortened("short"), "short");
        let cut = shortened(&"é".repeat(600));
        assert_eq!(cut, format!("{}\n[truncated]", "é".repeat(505)));
        assert!(shortened(&failure("3abc")).len() <= 1024);
    }

    #[test]
    fn a_reason_tells_the_whole_chain() {
        let archive = archive::tests::pack(&[("etc/config/network", "nonsense\n")]);
        let problem = archive::open(&archive).expect_err("refused");
        assert_eq!(
            chain(&problem),
            "etc/config/network is not a UCI file: line 1: unknown keyword"
        );
    }
}
