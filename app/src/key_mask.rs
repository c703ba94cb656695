//! The key of a device in what is made of its configuration: told to those who may see secrets, and noted; kept back from all
//! others.

use std::ops::Range;

use bytes::Bytes;
use domain::{DeviceId, OrganizationId, Permission, accounts::SecretKind};
use memchr::memmem;
use projections::{SealedText, device};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{App, Archive, By, Failure, files_diff::unpack, sealing::Place};

/// A shorter key is no secret, and its letters are in every sentence.
const SHORTEST_SECRET: usize = 6;
/// What stands in the place of a key: the variable that it came from.
const VARIABLE: &[u8] = b"{{ key }}";

/// Puts keys back as the variable that they came from, also where generators spelt them in another case or as a name of UCI.
#[derive(Debug, Default)]
pub(crate) struct KeyMask(Vec<SecretString>);

impl KeyMask {
    /// Over these keys; what is no secret is left alone.
    pub(crate) fn of(keys: impl IntoIterator<Item = SecretString>) -> Self {
        let secret = |key: &SecretString| key.expose_secret().len() >= SHORTEST_SECRET;
        Self(keys.into_iter().filter(secret).collect())
    }

    /// A text without the keys.
    pub(crate) fn text(&self, text: &str) -> String {
        match self.bytes(text.as_bytes()) {
            None => text.to_owned(),
            Some(masked) => String::from_utf8_lossy(&masked).into_owned(),
        }
    }

    /// The same for contents that need not be text; nothing where no key is in them.
    pub(crate) fn bytes(&self, contents: &[u8]) -> Option<Vec<u8>> {
        let mut found = self.found(contents).peekable();
        found.peek()?;
        let mut masked = Vec::with_capacity(contents.len());
        let mut rest = 0;
        for Range { start, end } in found {
            masked.extend_from_slice(&contents[rest..start]);
            masked.extend_from_slice(VARIABLE);
            rest = end;
        }
        masked.extend_from_slice(&contents[rest..]);
        Some(masked)
    }

    /// Where keys stand, first to last.
    fn found(&self, contents: &[u8]) -> impl Iterator<Item = Range<usize>> + use<> {
        let spelt: Vec<u8> = contents.iter().copied().map(spelling).collect();
        let mut found: Vec<Range<usize>> = Vec::new();
        for key in &self.0 {
            let key: Vec<u8> = key.expose_secret().bytes().map(spelling).collect();
            found.extend(memmem::find_iter(&spelt, &key).map(|at| at..at + key.len()));
        }
        found.sort_unstable_by_key(|range| range.start);
        // Keys that overlap are one.
        found.dedup_by(|next, before| {
            let overlaps = next.start < before.end;
            if overlaps {
                before.end = before.end.max(next.end);
            }
            overlaps
        });
        found.into_iter()
    }

    /// Is a key in one of the files of an archive, or in the path of one?
    fn is_in(&self, archive: &[u8]) -> std::io::Result<bool> {
        let held = |bytes: &[u8]| self.found(bytes).next().is_some();
        let files = unpack(archive)?.files;
        Ok(files.values().any(|file| held(file.path.as_bytes()) || held(&file.contents)))
    }

    /// An archive of the same files without the keys.
    fn archive(&self, archive: &[u8]) -> std::io::Result<Bytes> {
        let files: Vec<netjson::File> = unpack(archive)?
            .files
            .into_values()
            .map(|file| netjson::File {
                path: self.text(&file.path),
                mode: file.mode,
                contents: self.bytes(&file.contents).unwrap_or(file.contents),
            })
            .collect();
        Ok(netjson::Archive::of(&files).bytes.into())
    }
}

/// Spellings of a letter that generators make of each other: LEDs have names in lower case, countries in upper case, and names of
/// UCI no hyphens.
fn spelling(byte: u8) -> u8 {
    match byte {
        b'-' => b'_',
        byte => byte.to_ascii_lowercase(),
    }
}

/// Keys that a device has or had, each sealed for whoever owned the device when it was given.
pub(crate) type SealedKeys = Vec<(OrganizationId, SealedText)>;

impl App {
    /// What keeps these keys of a device back.
    pub(crate) async fn key_mask(
        &self,
        device: DeviceId,
        keys: SealedKeys,
    ) -> Result<KeyMask, Failure> {
        let mut opened = Vec::with_capacity(keys.len());
        for (owner, key) in keys {
            opened.push(self.sealing().open(Place::DeviceKey(device, owner), &key).await?);
        }
        Ok(KeyMask::of(opened))
    }

    /// The archive of a device as the actor may see it: where a key is in it, those who may see secrets get it as it is, and it
    /// is noted that they read the key; for others the key is kept back. `owner` had the device at the time of the archive.
    pub(crate) async fn shown(
        &self,
        by: &By,
        (device, owner): (DeviceId, OrganizationId),
        keys: SealedKeys,
        archive: Archive,
    ) -> Result<Archive, Failure> {
        let mask = self.key_mask(device, keys).await?;
        let sees = self.sees_key(by, device, owner).await?;
        let bytes = archive.bytes.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let held = mask.is_in(&bytes)?;
            let masked = if held && sees.is_none() { Some(mask.archive(&bytes)?) } else { None };
            Ok::<_, std::io::Error>((held, masked))
        });
        let (held, masked) = looked
            .await
            .map_err(|error| Failure::Broken(Box::new(error)))?
            .map_err(|error| Failure::Broken(Box::new(error)))?;
        if let (true, Some(owner)) = (held, sees) {
            self.note_reading(by, SecretKind::DeviceKey, &[(device.as_uuid(), owner)]).await?;
        }
        Ok(match masked {
            Some(bytes) => Archive { bytes, masked: true, ..archive },
            None => archive,
        })
    }

    /// Whose the device is now, if the actor may see its key. A device that moved kept its key: who had it before does not see it
    /// any more, and of what was removed only superusers do.
    async fn sees_key(
        &self,
        by: &By,
        device: DeviceId,
        then: OrganizationId,
    ) -> Result<Option<OrganizationId>, Failure> {
        let row = device::by_id(self.store(), crate::RULES, device).await?;
        let owner = match row {
            Some(row) => Some(row.organization_id),
            None => Some(then).filter(|_| by.authority.is_unlimited()),
        };
        let sees = |owner: &OrganizationId| {
            by.authority.require(Permission::SeeSecrets, Some(*owner)).is_ok()
        };
        Ok(owner.filter(sees))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(keys: &[&str]) -> KeyMask {
        KeyMask::of(keys.iter().copied().map(SecretString::from))
    }

    #[test]
    fn keys_are_put_back_as_their_variable() {
        let mask = mask(&["Ab-cdef1", "short"]);
        for (text, masked) in [
            ("x Ab-cdef1 y ab_CDEF1", "x {{ key }} y {{ key }}"),
            ("Ab-cdef1Ab-cdef1", "{{ key }}{{ key }}"),
            ("Ab-cdef short ü", "Ab-cdef short ü"),
            ("üAb-cdef1ü", "ü{{ key }}ü"),
            ("", ""),
        ] {
            assert_eq!(mask.text(text), masked);
        }
        assert_eq!(mask.bytes(b"\xffAb-cdef1\xff"), Some(b"\xff{{ key }}\xff".to_vec()));
        assert_eq!(mask.bytes(b"\xff"), None);
    }

    #[test]
    fn keys_that_overlap_are_kept_back_whole() {
        let mask = mask(&["abcdefgh", "ghijklmn", "cdefgh"]);
        assert_eq!(mask.text("1abcdefghijklmn2"), "1{{ key }}2");
    }

    #[test]
    fn archives_are_packed_anew_without_the_key() {
        let file = |path: &str, contents: &str| netjson::File {
            path: path.to_owned(),
            mode: 0o600,
            contents: contents.into(),
        };
        let files = [file("etc/a", "k=Ab-cdef1\n"), file("etc/Ab-cdef1", "plain\n")];
        let archive = netjson::Archive::of(&files).bytes;
        let mask = mask(&["Ab-cdef1"]);
        assert!(mask.is_in(&archive).unwrap());
        let masked = mask.archive(&archive).unwrap();
        assert!(!mask.is_in(&masked).unwrap());
        let files = unpack(&masked).unwrap().files;
        assert_eq!(files["etc/a"].contents, b"k={{ key }}\n");
        assert_eq!((files["etc/{{ key }}"].mode, files.len()), (0o600, 2));
    }
}
