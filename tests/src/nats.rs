//! Debian's NATS server with `JetStream`, as people run it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use async_nats::{ConnectOptions, jetstream};
use serde_json::Value;
use tempfile::TempDir;

use crate::{environment, note_secret, patience};

/// Who may connect.
const USER: &str = "wisptrail";
const PASSWORD: &str = "word-of-the-nats-server";

/// A server with a folder of its own; both go when it goes out of scope.
#[derive(Debug)]
pub struct NatsServer {
    child: Option<Child>,
    port: u16,
    folder: TempDir,
}

/// A message that the server keeps.
#[derive(Clone, Debug)]
pub struct NatsMessage {
    /// What it is called.
    pub subject: String,
    /// `Nats-Msg-Id`.
    pub id: String,
    /// JSON.
    pub body: Value,
}

impl NatsServer {
    /// Starts one on a free port.
    ///
    /// # Errors
    ///
    /// It is not installed, or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        note_secret(PASSWORD);
        // What it stores is searched for secrets like everything that was logged.
        let folder = match environment::path("WISPTRAIL_TEST_LOGS") {
            Some(logs) => {
                std::fs::create_dir_all(&logs)?;
                let mut folder = TempDir::with_prefix_in("nats-", logs)?;
                folder.disable_cleanup(true);
                folder
            }
            None => TempDir::with_prefix("wisptrail-nats-")?,
        };
        let mut server = Self { child: None, port: 0, folder };
        server.up().await?;
        Ok(server)
    }

    /// Starts it again, at the same address and with what it had.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub async fn up(&mut self) -> anyhow::Result<()> {
        let ports = self.folder.path().join("ports");
        drop(std::fs::remove_dir_all(&ports));
        std::fs::create_dir(&ports)?;
        let port = if self.port == 0 { "-1".to_owned() } else { self.port.to_string() };
        let log = std::fs::File::create(self.folder.path().join("log"))?;
        let mut command = Command::new(program()?);
        command.args(["-a", "127.0.0.1", "-p", &port, "-js"]);
        command.args(["--user", USER, "--pass", PASSWORD]);
        command.arg("-sd").arg(self.folder.path()).arg("--ports_file_dir").arg(&ports);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().context("nats-server does not start")?);
        let mut found = None;
        patience("the NATS server listens", async || {
            found = listening(&ports);
            Ok(found.is_some())
        })
        .await?;
        self.port = found.context("a port")?;
        Ok(())
    }

    /// Lets it die (SIGKILL); what it acknowledged is kept.
    ///
    /// # Errors
    ///
    /// It cannot be reached.
    pub fn down(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Who may connect, and with which password.
    pub fn credentials(&self) -> (&'static str, &'static str) {
        (USER, PASSWORD)
    }

    /// A client of it.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub async fn client(&self) -> anyhow::Result<jetstream::Context> {
        let options = ConnectOptions::with_user_and_password(USER.to_owned(), PASSWORD.to_owned());
        let client = options.connection_timeout(Duration::from_secs(10)).connect(self.url());
        Ok(jetstream::new(client.await.context("the NATS server does not answer")?))
    }

    /// Everything that a stream holds, in its order; nothing where there is no stream.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub async fn messages(&self, stream: &str) -> anyhow::Result<Vec<NatsMessage>> {
        let context = self.client().await?;
        let Ok(mut stream) = context.get_stream(stream).await else { return Ok(Vec::new()) };
        let last = stream.info().await?.state.last_sequence;
        let mut messages = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await?;
            let id = message.headers.get("Nats-Msg-Id").map(ToString::to_string);
            messages.push(NatsMessage {
                subject: message.subject.to_string(),
                id: id.unwrap_or_default(),
                body: serde_json::from_slice(&message.payload).unwrap_or_default(),
            });
        }
        Ok(messages)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // Nothing else is left to do about it.
        drop(self.down());
    }
}

/// The port, when it listens.
fn listening(ports: &Path) -> Option<u16> {
    let file = std::fs::read_dir(ports).ok()?.next()?.ok()?;
    let told: Value = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
    let (_, port) = told["nats"][0].as_str()?.rsplit_once(':')?;
    port.parse().ok()
}

/// From the PATH, or where Debian puts it.
fn program() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join("nats-server")).find(|program| program.exists());
    let Some(program) = found else {
        bail!(
            "nats-server is missing: install it (Debian: apt-get install nats-server), it need not run"
        )
    };
    Ok(program)
}
