//! A headless Chromium, driven by the debugging protocol over a pair of pipes: messages are JSON, each ends with a zero byte.
//! That needs no driver program and no WebSocket.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use wisptrail_tests::patience;

/// No command takes longer.
const BOUND: Duration = Duration::from_secs(30);
/// Longest time that it has to close.
const CLOSING: Duration = Duration::from_secs(5);
/// Messages that wait to be read.
const QUEUE: usize = 4096;

/// A browser with one tab; ended when it goes out of scope.
pub(crate) struct Chromium {
    child: Child,
    commands: ChildStdin,
    messages: mpsc::Receiver<Value>,
    last: u64,
    session: Option<String>,
    /// Everything the tab asked for, by its address.
    pub(crate) asked: Vec<String>,
    /// What the browser complained about: exceptions, and what the page's policy forbade.
    pub(crate) complaints: Vec<String>,
    _profile: TempDir,
}

/// Where Chromium is, if it is here.
fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}

impl Chromium {
    /// Starts one with an empty profile; none where Chromium is not installed.
    pub(crate) async fn start() -> anyhow::Result<Option<Self>> {
        let Some(program) = installed() else { return Ok(None) };
        let profile = TempDir::with_prefix("wisptrail-browser-")?;
        let mut folder = std::ffi::OsString::from("--user-data-dir=");
        folder.push(profile.path());
        // Commands come by descriptor 3, answers go to descriptor 4.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#])
            .arg(program)
            .args(["--remote-debugging-pipe", "--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-quic", "--disable-dev-shm-usage", "--disable-sync", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update"])
            .arg(folder)
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to start Chromium")?;
        let commands = child.stdin.take().context("no pipe to Chromium")?;
        let answers = child.stdout.take().context("no pipe from Chromium")?;
        let (says, messages) = mpsc::channel(QUEUE);
        thread::spawn(move || follow(answers, &says));
        let mut browser = Self {
            child,
            commands,
            messages,
            last: 0,
            session: None,
            asked: Vec::new(),
            complaints: Vec::new(),
            _profile: profile,
        };
        browser.open_tab().await?;
        Ok(Some(browser))
    }

    async fn open_tab(&mut self) -> anyhow::Result<()> {
        let tab = self.command("Target.createTarget", json!({ "url": "about:blank" })).await?;
        let parameters = json!({ "targetId": tab["targetId"], "flatten": true });
        let attached = self.command("Target.attachToTarget", parameters).await?;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.command(&format!("{domain}.enable"), json!({})).await?;
        }
        Ok(())
    }

    /// Sends a command and answers with its result. What else the browser says meanwhile is noted.
    pub(crate) async fn command(
        &mut self,
        method: &str,
        parameters: Value,
    ) -> anyhow::Result<Value> {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.commands.write_all(&bytes).context("Chromium does not listen")?;
        self.commands.flush()?;
        loop {
            let mut said = tokio::time::timeout(BOUND, self.messages.recv())
                .await
                .with_context(|| format!("Chromium does not answer to {method}"))?
                .with_context(|| format!("Chromium ended at {method}"))?;
            if said["id"] == self.last {
                anyhow::ensure!(said["error"].is_null(), "{method}: {}", said["error"]);
                return Ok(said["result"].take());
            }
            self.note(&said);
        }
    }

    fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let address = parameters["request"]["url"].as_str().unwrap_or_default();
                self.asked.push(address.to_owned());
            }
            Some("Runtime.exceptionThrown") => {
                self.complaints.push(parameters["exceptionDetails"].to_string());
            }
            // A refused request is an answer like another; the rest of the network's are not the page's either.
            Some("Log.entryAdded")
                if parameters["entry"]["level"] == "error"
                    && parameters["entry"]["source"] != "network" =>
            {
                self.complaints.push(parameters["entry"].to_string());
            }
            _ => {}
        }
    }

    /// The value of an expression in the page.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> anyhow::Result<Value> {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut result = self.command("Runtime.evaluate", parameters).await?;
        let thrown = &result["exceptionDetails"];
        anyhow::ensure!(thrown.is_null(), "{expression}: {thrown}");
        Ok(result["result"]["value"].take())
    }

    /// Waits until an expression in the page is true.
    pub(crate) async fn until(&mut self, expression: &str) -> anyhow::Result<()> {
        let found = patience(expression, async || {
            // While a page is replaced by another, there may be nobody to ask.
            Ok(self.evaluate(expression).await.is_ok_and(|value| value == true))
        })
        .await;
        if found.is_err() {
            let shown = self.evaluate("document.body.innerText").await?;
            return found.with_context(|| format!("shown: {shown}; {:?}", self.complaints));
        }
        Ok(())
    }

    /// Types text where the focus is.
    pub(crate) async fn type_text(&mut self, text: &str) -> anyhow::Result<()> {
        self.command("Input.insertText", json!({ "text": text })).await.map(drop)
    }

    /// Presses and releases a key; `control` with the Ctrl key.
    pub(crate) async fn press(
        &mut self,
        key: &str,
        code: u32,
        control: bool,
    ) -> anyhow::Result<()> {
        let mut event = json!({
            "type": "rawKeyDown", "key": key, "code": key, "windowsVirtualKeyCode": code,
            "modifiers": if control { 2 } else { 0 },
        });
        if key == "Enter" && !control {
            event["type"] = json!("keyDown");
            event["text"] = json!("\r");
        }
        self.command("Input.dispatchKeyEvent", event.clone()).await?;
        event["type"] = json!("keyUp");
        self.command("Input.dispatchKeyEvent", event).await.map(drop)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Asked to close, it ends its other processes first, which write to the profile until then.
        let _ = self.commands.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let started = Instant::now();
        while started.elapsed() < CLOSING && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(answers: impl Read, says: &mpsc::Sender<Value>) {
    let mut answers = BufReader::new(answers);
    let mut bytes = Vec::new();
    while matches!(answers.read_until(0, &mut bytes), Ok(1..)) {
        bytes.pop();
        let Ok(message) = serde_json::from_slice(&bytes) else { return };
        if says.blocking_send(message).is_err() {
            return;
        }
        bytes.clear();
    }
}
