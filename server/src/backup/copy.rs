//! Databases of a data folder, as of one moment.

use std::{fs, path::Path};

use store::HeldFile;

use super::{
    BLOBS, LOG, cannot,
    files::cannot_copy,
    make,
    manifest::{Listed, is_database},
    progress::Shown,
    sync, want_room,
};
use crate::cli;

/// Copies every database. States are held in the order log, archives, others: an archive is on disk before the event that
/// names it, so none that the copied log names can be missing.
pub(super) fn databases(from: &Path, into: &Path) -> anyhow::Result<Vec<Listed>> {
    let mut held = Vec::new();
    for name in names(from)? {
        let path = from.join(&name);
        let file = HeldFile::of(&path).map_err(|error| cannot_copy(&path, error))?;
        held.push((name, file));
    }
    if !held.iter().any(|(name, _)| name == BLOBS) {
        cli::note(&format!("there is no {BLOBS} in {}: no archives are backed up", from.display()));
    }
    let all = held.iter().map(|(_, file)| file.bytes()).sum();
    want_room(into, all)?;
    let mut shown = Shown::bytes(all);
    let (mut listed, mut before) = (Vec::new(), 0);
    for (name, file) in held {
        let path = into.join(&name);
        drop(make(&path)?);
        file.copy_to(&path, |done| shown.at(&name, before + done))
            .map_err(|error| cannot_copy(&path, error))?;
        before += file.bytes();
        // What is held keeps the server from tidying up.
        drop(file);
        sync(&path)?;
        listed.push(Listed::sum(into, &name, |_| ())?);
    }
    Ok(listed)
}

/// The log first, then archives, then whatever else there is.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let read = || -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // Copies that upgrades made have another ending.
            if let Ok(name) = entry.file_name().into_string()
                && is_database(&name)
                && entry.metadata()?.is_file()
            {
                names.push(name);
            }
        }
        Ok(names)
    };
    let mut names = read().map_err(|error| cannot("read", folder, error))?;
    names.sort_by_key(|name| (name != LOG, name != BLOBS, name.clone()));
    Ok(names)
}
