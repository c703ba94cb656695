//! The engine beside the one written in Python, on the same inputs in one run: CPU time of one rendering, of one without
//! validation ("trusted"), and of one that is packed.
//!
//! `NETJSON_PYTHON=/path/to/python cargo bench -p wisptrail-netjson --bench beside`, where that Python has
//! `netjsonconfig` 1.3.1. Without the variable only this engine is measured.

#![expect(clippy::print_stdout, reason = "a program for people")]

mod inputs;

use std::error::Error;
use std::hint::black_box;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wisptrail_netjson::{Backend, Templates, render, render_unvalidated};

use self::inputs::Case;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// CPU time that is spent on each figure, in nanoseconds.
const ENOUGH: u64 = 1_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let cases = inputs::all();
    let python = reference(&cases)?;
    println!("{:8} {:8} {:>12} {:>12} {:>8}", "size", "what", "here", "Python", "ratio");
    for case in &cases {
        let templates = case.templates();
        let input = case.input(&templates);
        let rendering = render(Backend::OpenWrt, &input)?;
        let recorded = python.as_ref().map(|python| &python[case.name]);
        if let Some(recorded) = recorded {
            assert_eq!(recorded["output"], *rendering.text(), "both write the same");
        }
        let text = microseconds(|| {
            let _ = black_box(render(Backend::OpenWrt, black_box(&input)));
        })?;
        let archive = microseconds(|| {
            let _ = black_box(
                render(Backend::OpenWrt, black_box(&input)).map(|rendering| rendering.archive()),
            );
        })?;
        let nothing = Templates::default();
        let unvalidated = microseconds(|| {
            let _ = black_box(render_unvalidated(Backend::OpenWrt, &nothing, black_box(&input)));
        })?;
        for (what, ours) in [("text", text), ("trusted", unvalidated), ("archive", archive)] {
            let theirs = recorded.and_then(|recorded| recorded[what].as_f64());
            let (theirs, ratio) = theirs.map_or_else(Default::default, |theirs| {
                (format!("{theirs:.1} ms"), format!("{:.0}", theirs * 1000.0 / ours))
            });
            let ours = format!("{ours:.1} µs");
            println!("{:8} {what:8} {ours:>12} {theirs:>12} {ratio:>8}", case.name);
        }
    }
    Ok(())
}

/// CPU time of one `run`.
fn microseconds(mut run: impl FnMut()) -> Result<f64, Box<dyn Error>> {
    for _ in 0..20 {
        run();
    }
    let (started, mut runs) = (cpu()?, 0_u32);
    loop {
        for _ in 0..20 {
            run();
        }
        runs += 20;
        let spent = cpu()? - started;
        if spent > ENOUGH {
            return Ok(std::time::Duration::from_nanos(spent).as_secs_f64() * 1e6 / f64::from(runs));
        }
    }
}

/// Nanoseconds that this thread has been on a processor (proc(5), `schedstat`).
fn cpu() -> Result<u64, Box<dyn Error>> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(times.split(' ').next().unwrap_or_default().parse()?)
}

/// What the Python engine writes and takes.
fn reference(cases: &[Case]) -> Result<Option<Value>, Box<dyn Error>> {
    let Some(python) = std::env::var_os("NETJSON_PYTHON") else { return Ok(None) };
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            json!({
                "name": case.name, "config": case.config, "templates": case.templates,
                "context": case.context,
            })
        })
        .collect();
    let mut child = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/beside.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    serde_json::to_writer(child.stdin.take().ok_or("no standard input")?, &cases)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err("the Python engine failed".into());
    }
    Ok(Some(serde_json::from_slice(&output.stdout)?))
}
