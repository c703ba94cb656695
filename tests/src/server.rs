//! Starts the program as people do, waits until it listens, and stops it again.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{
    Client, Database, Fixture, database::Fresh, environment, fixture::ADMIN_TOKEN, note_secret,
    program,
};

/// A data folder and a database; both go when it goes out of scope. A server may be started in it
/// again and again.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    database: Option<Fresh>,
}

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Loaded into the empty database; gives the superuser's token.
    pub fixture: Option<Fixture>,
    /// Without a fixture: whether the administrator's token is given, or made and printed.
    pub own_token: bool,
    /// More environment variables, such as `WISPTRAIL_CONTROLLER__REGISTRATION_ENABLED`.
    pub settings: Vec<(String, String)>,
    /// Where to listen; any free port when empty.
    pub listen: String,
    /// More arguments, such as `--read-only`.
    pub arguments: Vec<String>,
}

/// A running server; stopped when it goes out of scope.
#[derive(Debug)]
pub struct Server {
    home: Arc<Home>,
    child: Child,
    address: String,
    admin_token: String,
    output: Arc<Mutex<String>>,
}

const START_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Which setting holds the address of a PostgreSQL database.
const DATABASE_SETTING: &str = "WISPTRAIL_DATABASE__URL";

impl Home {
    /// A new one.
    ///
    /// # Errors
    ///
    /// There is no place for it.
    pub async fn new(database: &Database) -> anyhow::Result<Arc<Self>> {
        let folder = TempDir::with_prefix("wisptrail-").context("no place for a data folder")?;
        Ok(Arc::new(Self { folder, database: database.create().await? }))
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// The address of its PostgreSQL database, if it has one.
    pub fn database(&self) -> Option<String> {
        self.database.as_ref().and_then(|database| database.address().ok())
    }

    /// Runs a statement in its database, beside the program, and says how many rows it changed.
    ///
    /// # Errors
    ///
    /// The database cannot be opened, or refuses the statement.
    pub async fn execute(&self, sql: &str) -> anyhow::Result<u64> {
        if let Some(address) = self.database() {
            let mut connection = PgConnection::connect(&address).await?;
            let changed = sqlx::query(sql).execute(&mut connection).await?.rows_affected();
            connection.close().await?;
            return Ok(changed);
        }
        let connection = rusqlite::Connection::open(self.data().join("wisptrail.db"))?;
        connection.busy_timeout(STOP_TIMEOUT)?;
        Ok(connection.execute(sql, [])?.try_into()?)
    }

    /// The program with nothing but this home in its environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program::path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WISPTRAIL_") {
                command.env_remove(name);
            }
        }
        if let Some(database) = &self.database
            && let Ok(address) = database.address()
        {
            command.env(DATABASE_SETTING, address);
            if database.bounded {
                command.env("WISPTRAIL_DATABASE__ROW_LEVEL_SECURITY", "true");
            }
        }
        command.current_dir(self.folder.path());
        command
    }
}

impl Start {
    /// With the fixture of this crate.
    ///
    /// # Errors
    ///
    /// It is missing.
    pub fn with_fixture() -> anyhow::Result<Self> {
        Ok(Self { fixture: Some(Fixture::own()?), ..Self::default() })
    }

    /// With one more setting.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Server {
    /// Starts a server in a new home.
    ///
    /// # Errors
    ///
    /// It ends at once or does not listen in time; with everything it said.
    pub async fn start(database: &Database, start: Start) -> anyhow::Result<Self> {
        Self::start_in(Home::new(database).await?, start).await
    }

    /// Starts a server in a home that may have data.
    ///
    /// # Errors
    ///
    /// It ends at once or does not listen in time; with everything it said.
    pub async fn start_in(home: Arc<Home>, start: Start) -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(move || Self::launch(home, &start)).await?
    }

    fn launch(home: Arc<Home>, start: &Start) -> anyhow::Result<Self> {
        let mut command = home.command();
        let listen = if start.listen.is_empty() { "127.0.0.1:0" } else { &start.listen };
        command.arg("serve").arg("--data").arg(home.data()).args(["--listen", listen]);
        command.args(&start.arguments);
        let admin_token = match &start.fixture {
            Some(fixture) => {
                command.arg("--fixture").arg(&fixture.path);
                fixture.admin_token.clone()
            }
            None if start.own_token => String::new(),
            None => {
                command.env("WISPTRAIL_ADMIN_TOKEN", ADMIN_TOKEN);
                command.env("WISPTRAIL_ADMIN_PASSWORD", ADMIN_PASSWORD);
                note_secret(ADMIN_PASSWORD);
                note_secret(ADMIN_TOKEN);
                ADMIN_TOKEN.to_owned()
            }
        };
        command.envs(start.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("failed to start the server")?;
        let output = Arc::new(Mutex::new(String::new()));
        let (says, said) = mpsc::channel();
        let log = log_file(home.data())?;
        for stream in [
            child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        ]
        .into_iter()
        .flatten()
        {
            let (output, says) = (Arc::clone(&output), says.clone());
            let log = log.as_ref().map(File::try_clone).transpose()?;
            thread::spawn(move || follow(stream, &output, log, &says));
        }
        drop(says);
        let mut server = Self { home, child, address: String::new(), admin_token, output };
        server.address = server.wait_for_address(&said)?;
        Ok(server)
    }

    fn wait_for_address(&self, said: &mpsc::Receiver<String>) -> anyhow::Result<String> {
        let deadline = Instant::now() + START_TIMEOUT;
        while let Ok(line) = said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if let Some((_, rest)) = line.split_once("listening on http://") {
                let address = rest.split_whitespace().next().unwrap_or_default();
                return Ok(format!("http://{address}"));
            }
        }
        anyhow::bail!("the server did not start; it said:\n{}", self.output())
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where it lives.
    pub fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Everything that it wrote to standard output and standard error.
    pub fn output(&self) -> String {
        self.output.lock().clone()
    }

    /// The same as it grows, also after the end.
    pub fn transcript(&self) -> Arc<Mutex<String>> {
        Arc::clone(&self.output)
    }

    /// A client without credentials.
    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// A client with the superuser's token.
    pub fn admin(&self) -> Client {
        self.client().with_token(&self.admin_token)
    }

    /// Asks the server to stop (SIGTERM) and waits until it has.
    ///
    /// # Errors
    ///
    /// It goes on for too long.
    pub async fn stop(self) -> anyhow::Result<ExitStatus> {
        self.terminate();
        self.ended().await
    }

    /// Lets the server die in the middle of whatever it does (SIGKILL).
    ///
    /// # Errors
    ///
    /// It cannot be reached.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        tokio::task::spawn_blocking(move || {
            self.child.kill()?;
            self.child.wait()?;
            Ok(())
        })
        .await?
    }

    /// Waits until a server has ended that was asked to stop.
    ///
    /// # Errors
    ///
    /// It goes on for too long.
    pub async fn ended(mut self) -> anyhow::Result<ExitStatus> {
        tokio::task::spawn_blocking(move || {
            self.wait().with_context(|| format!("the server does not stop:\n{}", self.output()))
        })
        .await?
    }

    /// Asks the server to stop and does not wait.
    pub fn terminate(&self) {
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended already.
            let _ = kill_process(process, Signal::TERM);
        }
    }

    fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        anyhow::bail!("still running after {STOP_TIMEOUT:?}")
    }
}

/// The administrator's password where no fixture brings one.
const ADMIN_PASSWORD: &str = "correct-horse-battery-staple";

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.terminate();
        if self.wait().is_err() {
            // Nothing else is left to do about it.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Copies what the server says, line by line, to everyone who listens.
fn follow(
    stream: impl Read,
    output: &Mutex<String>,
    mut log: Option<File>,
    says: &mpsc::Sender<String>,
) {
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line).into_owned();
        if let Some(log) = &mut log {
            // A lost log is not what the story is about.
            let _ = log.write_all(&line);
        }
        output.lock().push_str(&text);
        // Nobody listens after the start.
        let _ = says.send(text);
        line.clear();
    }
}

fn log_file(data: &Path) -> anyhow::Result<Option<File>> {
    let Some(folder) = environment::path("WISPTRAIL_TEST_LOGS") else { return Ok(None) };
    std::fs::create_dir_all(&folder)?;
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    let path = folder.join(format!("{name}.log"));
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.map(Some).with_context(|| format!("failed to write {}", path.display()))
}
