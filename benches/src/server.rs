//! The real program in a folder of its own.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// The superuser's token of every server here.
pub(crate) const TOKEN: &str = "00000000000000000000000000000000benchadm";

/// A running server; ended when it goes out of scope.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// From the start of the process until it listens.
    pub(crate) started: Duration,
}

/// What the kernel counted for a process.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// In user and kernel mode.
    pub(crate) cpu: Duration,
    /// Resident, in MiB.
    pub(crate) memory: f64,
}

/// CPU time of a process so far, in user and kernel mode.
pub(crate) fn cpu_of(process: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("a process")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // Ticks of USER_HZ, which is 100 on every Linux that there is.
    Ok(Duration::from_millis(ticks * 10))
}

pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let program = own.with_file_name("wisptrail");
    ensure!(
        program.exists(),
        "build the server first: cargo build --release -p wisptrail-server (no {})",
        program.display()
    );
    Ok(program)
}

impl Server {
    /// Starts it in a folder that may have data.
    pub(crate) fn start(data: &Path) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let mut child = Command::new(program()?)
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--listen", "127.0.0.1:0"])
            .env("WISPTRAIL_ADMIN_TOKEN", TOKEN)
            .env("WISPTRAIL_ADMIN_PASSWORD", "only-for-measuring")
            .env("WISPTRAIL_LOG__LEVEL", "warn")
            // The whole fleet registers from one address.
            .env("WISPTRAIL_CONTROLLER__REGISTRATION_BURST", "10000000")
            .current_dir(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("cannot start the server")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let address = loop {
            let line = lines.next().context("the server ended")??;
            if let Some(address) = line.strip_prefix("listening on http://") {
                break address.to_owned();
            }
        };
        let started = begun.elapsed();
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address, started })
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(folder.join("status"))?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.and_then(|text| text.split_whitespace().next()).context("memory")?;
        Ok(Usage { cpu: cpu_of(self.child.id())?, memory: memory.parse::<f64>()? / 1024.0 })
    }

    /// Ends it as an operator does, and waits.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}
