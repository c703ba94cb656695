//! Opens a configuration archive the way a device does.

use std::io::Read;

use flate2::read::GzDecoder;

use super::uci;

/// What was in an archive that a device can apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// Files that would be written.
    pub(super) files: usize,
    /// Files that an agent passes over because of their names.
    pub(super) skipped: usize,
}

/// Why an archive cannot be applied.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("not a gzip compressed tar archive")]
    Unpack(#[source] std::io::Error),
    #[error("more than {MAX_FILES} files or {MAX_SIZE} bytes")]
    TooLarge,
    #[error("{path} is neither a file nor a folder")]
    NotAFile { path: String },
    #[error("{path} is not a UCI file")]
    Uci {
        path: String,
        #[source]
        problem: uci::Malformed,
    },
}

/// More files than any device takes.
const MAX_FILES: usize = 10_000;
/// More bytes, unpacked, than a device has room for.
const MAX_SIZE: u64 = 64 * 1024 * 1024;

/// Unpacks an archive in memory and reads every UCI file in it.
///
/// # Errors
///
/// What would make the device go back to its former configuration.
pub(super) fn open(bytes: &[u8]) -> Result<Contents, Unusable> {
    let mut contents = Contents::default();
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(MAX_SIZE));
    let mut unpacked = 0_u64;
    for entry in archive.entries().map_err(Unusable::Unpack)? {
        let mut entry = entry.map_err(Unusable::Unpack)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        unpacked = unpacked.saturating_add(entry.size());
        if contents.files + contents.skipped >= MAX_FILES || unpacked > MAX_SIZE {
            return Err(Unusable::TooLarge);
        }
        match entry.header().entry_type() {
            tar::EntryType::Directory => continue,
            tar::EntryType::Regular => {}
            _ => return Err(Unusable::NotAFile { path }),
        }
        if !is_accepted_name(&path) {
            contents.skipped += 1;
            continue;
        }
        let mut text = Vec::new();
        entry.read_to_end(&mut text).map_err(Unusable::Unpack)?;
        if let Some(package) = path.strip_prefix("etc/config/")
            && !package.contains('/')
        {
            uci::sections(&String::from_utf8_lossy(&text))
                .map_err(|problem| Unusable::Uci { path: path.clone(), problem })?;
        }
        contents.files += 1;
    }
    Ok(contents)
}

/// Agents from 1.3 on write only names of plain characters that stay below the root.
fn is_accepted_name(path: &str) -> bool {
    !path.is_empty()
        && path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-'))
        && !path.starts_with('/')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::{Compression, GzBuilder};

    use super::*;

    /// An archive of these files.
    pub(in crate::fleet) fn pack(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_ustar();
            // Past `set_path`, which refuses the names that are tried here.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_entry_type(tar::EntryType::Regular);
            header.set_cksum();
            tar.append(&header, text.as_bytes()).expect("packed");
        }
        let bytes = tar.into_inner().expect("packed");
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        gzip.write_all(&bytes).expect("compressed");
        gzip.finish().expect("compressed")
    }

    #[test]
    fn counts_files_and_passes_over_names_that_leave_the_root() {
        let archive = pack(&[
            ("etc/config/system", "config system 'system'\n\toption hostname 'r1'\n"),
            ("etc/banner", "it's no UCI file"),
            ("../etc/shadow", "root::0"),
            ("etc/caff\u{e8}", "x"),
        ]);
        assert_eq!(open(&archive).expect("opened"), Contents { files: 2, skipped: 2 });
    }

    #[test]
    fn a_uci_file_that_does_not_parse_makes_the_archive_unusable() {
        let problem =
            open(&pack(&[("etc/config/network", "interface lan\n")])).expect_err("refused");
        assert_eq!(problem.to_string(), "etc/config/network is not a UCI file");
    }

    #[test]
    fn anything_else_than_a_compressed_tar_is_unusable() {
        let whole = pack(&[("etc/config/system", "config system 'system'\n")]);
        for bytes in [&b"nonsense"[..], &b""[..], &whole[..whole.len() / 2]] {
            assert!(matches!(open(bytes), Err(Unusable::Unpack(_))));
        }
    }
}
