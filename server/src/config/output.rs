//! What people and programs read.

use std::{fmt::Write as _, fs, io::Write as _, path::Path};

use anyhow::Context as _;
use netjson::{ContentsDiff, File, FileChange, FilesDiff, UciDiff, uci::Setting};
use serde_json::{Value, json};

/// Indented, with a line end.
pub(super) fn json(value: &Value) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}

/// Mode, size and path, one file a line.
pub(super) fn files(files: &[File]) -> String {
    let mut text = String::new();
    for File { path, mode, contents } in files {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{mode:04o} {:>8} {path}", contents.len());
    }
    text
}

/// To a file, or to standard output as it is; a reader that went away is no error.
pub(super) fn write(path: Option<&Path>, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(path) = path {
        return fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()));
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Line by line.
pub(super) fn unified(diff: &FilesDiff) -> String {
    let mut text = String::new();
    for file in &diff.files {
        if let (Some(before), Some(after)) = file.modes
            && before != after
        {
            let _ = writeln!(text, "mode {}: {before:04o} -> {after:04o}", file.path);
        }
        match &file.contents {
            ContentsDiff::Text { unified, .. } => text.push_str(unified),
            ContentsDiff::Opaque { .. } => {
                let _ = writeln!(text, "{} {}", sign(file.change), file.path);
            }
            ContentsDiff::Same => {}
        }
    }
    text
}

/// By package, section and option; other files by name.
pub(super) fn options(diff: &UciDiff, files: &FilesDiff) -> String {
    let mut text = String::new();
    for package in &diff.packages {
        let _ = writeln!(text, "{} package {}", sign(package.change), package.name);
        for section in &package.sections {
            let (kind, name) = (&section.kind, &section.name);
            let _ = writeln!(text, "  {} config {kind} {name:?}", sign(section.change));
            for option in &section.options {
                let name = &option.name;
                let _ = match (&option.before, &option.after) {
                    (Some(before), Some(after)) => {
                        writeln!(text, "    ~ {name} {} -> {}", value(before), value(after))
                    }
                    (Some(before), None) => writeln!(text, "    - {name} {}", value(before)),
                    (None, Some(after)) => writeln!(text, "    + {name} {}", value(after)),
                    (None, None) => Ok(()),
                };
            }
        }
        if package.cut {
            text.push_str("  (more)\n");
        }
    }
    for file in files.files.iter().filter(|file| file.sections.is_none()) {
        let _ = writeln!(text, "{} file {}", sign(file.change), file.path);
    }
    text
}

/// The same for programs.
pub(super) fn diff(diff: &UciDiff, files: &FilesDiff) -> Value {
    let values = |setting: &Option<Setting>| match setting {
        None => Value::Null,
        Some(Setting::Option(value)) => json!(value),
        Some(Setting::List(values)) => json!(values),
    };
    let packages = diff.packages.iter().map(|package| {
        let sections = package.sections.iter().map(|section| {
            let options = section.options.iter().map(|option| {
                json!({
                    "name": option.name, "change": word(option.change()),
                    "before": values(&option.before), "after": values(&option.after),
                })
            });
            json!({
                "type": section.kind, "name": section.name, "change": word(section.change),
                "options": options.collect::<Vec<_>>(),
            })
        });
        json!({
            "name": package.name, "change": word(package.change), "cut": package.cut,
            "sections": sections.collect::<Vec<_>>(),
        })
    });
    let others = files.files.iter().filter(|file| file.sections.is_none());
    let others = others.map(|file| json!({ "path": file.path, "change": word(file.change) }));
    json!({ "packages": packages.collect::<Vec<_>>(), "files": others.collect::<Vec<_>>() })
}

fn value(setting: &Setting) -> String {
    match setting {
        Setting::Option(value) => format!("{value:?}"),
        Setting::List(values) => format!("{values:?}"),
    }
}

fn sign(change: FileChange) -> char {
    match change {
        FileChange::Added => '+',
        FileChange::Removed => '-',
        FileChange::Changed => '~',
    }
}

fn word(change: FileChange) -> &'static str {
    match change {
        FileChange::Added => "added",
        FileChange::Removed => "removed",
        FileChange::Changed => "changed",
    }
}
