//! The files of an archive, within bounds.

use std::io::{Cursor, Read as _};

use flate2::read::GzDecoder;

use super::loss::Losses;
use super::{encoding, openvpn};
use crate::{Backend, Error, Unreadable, limits};

/// How many members an archive may have.
const MAX_MEMBERS: usize = 10_000;
/// How long a path may be, in bytes.
const MAX_PATH: usize = 4096;

/// Path and contents of a file.
type Member = (String, Vec<u8>);

/// Files as one text.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) text: String,
    /// The path of each file and its first line in the text.
    starts: Vec<(String, usize)>,
}

/// All regular files of a tar or tar.gz. What else has contents or stands for some is lost.
///
/// # Errors
///
/// The archive cannot be read, a path leads out of it, or there is too much of anything.
pub(super) fn members(bytes: &[u8], losses: &mut Losses) -> Result<Vec<Member>, Error> {
    if encoding::is_utf_16(bytes) {
        return Err(Unreadable::at(1, encoding::UTF_16).into());
    }
    let mut tar = Vec::new();
    let limit = 2 * limits::MAX_TEXT;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let read = GzDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut tar);
        read.map_err(|error| broken(&error))?;
    } else {
        if !bytes.is_empty() && !bytes.iter().take(512).any(|byte| *byte == 0) {
            let read = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
            let line = bytes[..read].split(|byte| *byte == b'\n').count();
            return Err(Unreadable::at(line, "neither UTF-8 text nor an archive").into());
        }
        tar.extend_from_slice(&bytes[..bytes.len().min(limit + 1)]);
    }
    if tar.len() > limit {
        return Err(Error::TooLarge { what: "archive in bytes", limit });
    }
    let mut archive = tar::Archive::new(Cursor::new(tar));
    let (mut members, mut count) = (Vec::new(), 0);
    for entry in archive.entries().map_err(|error| broken(&error))? {
        let mut entry = entry.map_err(|error| broken(&error))?;
        count += 1;
        if count > MAX_MEMBERS {
            return Err(Error::TooLarge { what: "number of files", limit: MAX_MEMBERS });
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if path.len() > MAX_PATH {
            return Err(Error::TooLarge { what: "path in bytes", limit: MAX_PATH });
        }
        let path = inside(&path)?;
        let kind = entry.header().entry_type();
        // Both are files with a note for who writes them to a disk.
        let is_file = kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse();
        if kind.is_symlink() || kind.is_hard_link() {
            losses.file(path, "a link, which is not followed");
            continue;
        }
        if !is_file {
            if !kind.is_dir() {
                losses.file(path, "neither a file nor a folder");
            }
            continue;
        }
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).map_err(|error| broken(&error))?;
        members.push((path, contents));
    }
    Ok(members)
}

/// The path below the root: how it was told to begin there makes no difference.
///
/// # Errors
///
/// It leads somewhere else.
fn inside(path: &str) -> Result<String, Unreadable> {
    if path.split('/').any(|part| part == "..") {
        let message = "the path leads upwards: no archive of a device has such files".to_owned();
        return Err(Unreadable { file: Some(path.to_owned()), line: 0, message });
    }
    let mut path = path;
    while let Some(rest) = path.strip_prefix('/').or_else(|| path.strip_prefix("./")) {
        path = rest;
    }
    Ok(path.to_owned())
}

fn broken(error: &std::io::Error) -> Error {
    Unreadable::at(0, format!("no tar archive: {error}")).into()
}

/// The files that `backend` reads, as it writes them to one text.
///
/// # Errors
///
/// A file is no text.
pub(super) fn text(
    backend: Backend,
    members: Vec<Member>,
    losses: &mut Losses,
) -> Result<Joined, Unreadable> {
    let mut joined = Joined::default();
    let mut line = 1;
    for (path, contents) in members {
        let Some(head) = head(backend, &path) else {
            losses.file(path, "the file");
            continue;
        };
        if encoding::is_utf_16(&contents) {
            let message = encoding::UTF_16.to_owned();
            return Err(Unreadable { file: Some(path), line: 1, message });
        }
        let contents = match String::from_utf8(contents) {
            Ok(contents) => contents,
            Err(error) => {
                let read = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = read.split(|byte| *byte == b'\n').count();
                return Err(Unreadable { file: Some(path), line, message: "no UTF-8 text".into() });
            }
        };
        let begin = joined.text.len();
        joined.text.push_str(&head);
        joined.starts.push((path, line + head.matches('\n').count()));
        joined.text.push_str(encoding::without_mark(&contents));
        line += joined.text[begin..].matches('\n').count();
    }
    Ok(joined)
}

/// What stands before the contents of `path`; none if the file is not read.
fn head(backend: Backend, path: &str) -> Option<String> {
    match backend {
        Backend::OpenWrt | Backend::OpenWisp => {
            let older =
                |path: &str| path.strip_prefix("uci/")?.strip_suffix(".conf").map(str::to_owned);
            let package = path.strip_prefix("etc/config/").map(str::to_owned);
            let package =
                package.or_else(|| older(path).filter(|_| backend == Backend::OpenWisp))?;
            Some(format!("package {package}\n"))
        }
        Backend::OpenVpn => {
            path.strip_suffix(".conf").map(|name| format!("\n{} {name}\n\n", openvpn::HEAD))
        }
        Backend::ZeroTier => path.strip_suffix(".json").map(|_| "\n\n".to_owned()),
        Backend::Wireguard | Backend::VxlanWireguard => None,
    }
}

impl Joined {
    /// File and line of a line of the text.
    pub(super) fn place(&self, line: usize) -> (Option<String>, usize) {
        let after = self.starts.partition_point(|(_, start)| *start <= line);
        match self.starts.get(after.wrapping_sub(1)) {
            Some((path, start)) => (Some(path.clone()), line - start + 1),
            None => (None, line),
        }
    }

    /// Says where in the files an error is.
    pub(super) fn locate(&self, mut error: Unreadable) -> Unreadable {
        if error.file.is_none() {
            (error.file, error.line) = self.place(error.line);
        }
        error
    }
}
