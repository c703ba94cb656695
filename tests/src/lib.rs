//! Proves that the whole does what the manual says: the real program, started as people start it,
//! asked over HTTP and on the command line.
//!
//! `tests/*.rs` hold the stories, this library what they are made of. Stories run on SQLite, and
//! on PostgreSQL too when `WISPTRAIL_TEST_POSTGRES` holds the address of a server on which
//! databases may be made. `WISPTRAIL_TEST_LOGS` names a folder for the output of every program
//! that was started, `WISPTRAIL_TEST_KEYS` a file that collects every secret that was used, so
//! that the one can be searched for the other.

mod aging;
mod client;
pub mod conformance;
mod contract;
mod database;
mod device;
mod environment;
mod eventstore;
mod fixture;
mod nats;
mod patience;
mod program;
mod receiver;
mod secrets;
mod server;
pub mod smtp;
mod somebody;

pub use aging::aged;
pub use client::{Answer, Client};
pub use contract::Contract;
pub use database::Database;
pub use device::{Device, register};
pub use eventstore::{AppendReply, EventStoreServer, StoredEvent};
pub use fixture::{ADMIN_TOKEN, Fixture, Person, secret_of};
pub use nats::{NatsMessage, NatsServer};
pub use patience::patience;
pub use program::{Finished, program};
pub use receiver::{Received, Receiver, Reply};
pub use secrets::note as note_secret;
pub use server::{Home, Server, Start};
pub use somebody::Somebody;

/// Makes one more test of every story, on PostgreSQL with row-level security; it does nothing where there is no PostgreSQL.
#[macro_export]
macro_rules! on_bounded_database {
    ($($story:ident),+ $(,)?) => {
        mod bounded {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $story() -> anyhow::Result<()> {
                match $crate::Database::bounded() {
                    Some(database) => super::$story(database).await,
                    None => Ok(()),
                }
            }
        )+}
    };
}

/// Makes two tests of every story, one per database; the one on PostgreSQL does nothing where
/// there is none.
#[macro_export]
macro_rules! on_each_database {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() -> anyhow::Result<()> {
                super::$story($crate::Database::Sqlite).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() -> anyhow::Result<()> {
                match $crate::Database::postgres() {
                    Some(database) => super::$story(database).await,
                    None => Ok(()),
                }
            }
        }
    )+};
}
