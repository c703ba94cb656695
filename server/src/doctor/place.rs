//! The data folder: room, rights, the size of what was not yet merged into the database.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::report::Report;

const MIB: u64 = 1 << 20;
/// Less is a warning.
const ROOM: u64 = 1024 * MIB;
/// Less is a failure: commands will be refused soon.
const NO_ROOM: u64 = 100 * MIB;
/// A write-ahead log of this size is not merged as it should be.
const LONG: u64 = 256 * MIB;

pub(super) fn look(report: &mut Report, folder: &Path) {
    room(report, folder);
    rights(report, folder, 0o077);
    let socket = folder.join("control.sock");
    if socket.exists() {
        rights(report, &socket, 0o177);
    }
    for database in ["wisptrail.db-wal", "blobs.db-wal"] {
        let Ok(metadata) = fs::metadata(folder.join(database)) else { continue };
        let size = metadata.len();
        if size > LONG {
            report.warn(
                database,
                &format!("has {} MiB", size / MIB),
                "a reader that stays open keeps it from being merged: end long `events tail` and backups, or restart the server",
            );
        } else {
            report.ok(database, &format!("has {} MiB", size / MIB));
        }
    }
}

/// A file whose readers could open everything.
pub(super) fn secret(report: &mut Report, path: &Path) {
    let Ok(metadata) = fs::metadata(path) else { return };
    let (shown, mode) = (path.display().to_string(), metadata.permissions().mode() & 0o777);
    let of_others = mode & 0o077;
    if of_others == 0 {
        report.ok(&shown, "is its owner's only");
    } else {
        let seen = format!("others may use the master key (mode {mode:o})");
        report.fail(&shown, &seen, &format!("chmod 600 {shown}"));
    }
}

fn room(report: &mut Report, folder: &Path) {
    let free = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            return report.warn("space", &format!("cannot be told: {error}"), "look with `df`");
        }
    };
    let seen = format!("{} MiB are free", free / MIB);
    match free {
        0..NO_ROOM => report.fail("space", &seen, "make room: commands are refused on a full disk"),
        NO_ROOM..ROOM => report.warn("space", &seen, "make room before it is used up"),
        _ => report.ok("space", &seen),
    }
}

fn rights(report: &mut Report, path: &Path, forbidden: u32) {
    let shown = path.display().to_string();
    match fs::metadata(path) {
        Err(error) => report.fail(
            &shown,
            &format!("cannot be read: {error}"),
            "run this as the server's user",
        ),
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            if mode & forbidden == 0 {
                report.ok(&shown, "is its owner's only");
            } else {
                let remedy = format!("chmod {:o} {shown}", mode & !forbidden);
                report.warn(&shown, &format!("others may use it (mode {mode:o})"), &remedy);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_others_may_read_is_a_failure_with_a_remedy() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("master.key");
        fs::write(&key, "00").expect("a file");
        for (mode, well) in [(0o600, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("a mode");
            let mut report = Report::default();
            secret(&mut report, &key);
            assert_eq!(report.is_well(), well, "{report}");
            assert!(well || report.to_string().contains("chmod 600"), "{report}");
        }
    }
}
