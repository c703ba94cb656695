//! Collects the secrets that a run has used.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::Write,
    sync::{LazyLock, Mutex, PoisonError},
};

use crate::environment;

static NOTED: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);

/// Shorter ones (the password `admin`) are words that logs may hold.
const SHORTEST: usize = 16;

/// Appends a key, shared secret, token or password to the file that `WISPTRAIL_TEST_KEYS` names,
/// one per line, once per process.
///
/// # Panics
///
/// The file cannot be written: a run that is searched afterwards must not miss one.
pub fn note(secret: &str) {
    let Some(path) = environment::path("WISPTRAIL_TEST_KEYS") else { return };
    if secret.len() < SHORTEST || secret.contains(char::is_whitespace) {
        return;
    }
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    if noted.insert(secret.to_owned()) {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(format!("{secret}\n").as_bytes()))
            .expect("WISPTRAIL_TEST_KEYS names a file that can be written");
    }
}
