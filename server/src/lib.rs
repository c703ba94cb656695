//! Wires everything together and runs it.

pub mod archive;
pub mod audit;
pub mod backup;
mod bench;
pub mod cli;
mod config;
pub mod control;
pub mod data_folder;
mod doctor;
mod erasures;
pub mod events;
pub mod export;
pub mod fleet;
pub mod http;
pub mod import;
mod log;
pub mod people;
pub mod read_models;
pub mod replay;
pub mod restore;
pub mod serve;
pub mod settings;
pub mod verify;
pub mod world;

/// Tells TLS which cryptography to use, once for the process: with EventStoreDB's library there are two in the program.
pub(crate) fn choose_cryptography() {
    drop(rustls::crypto::ring::default_provider().install_default());
}
