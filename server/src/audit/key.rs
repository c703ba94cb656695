use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use store::PublicKey;

use crate::{
    cli::{self, Place},
    control::{Answer, Connection, Request},
    log::Alone,
    serve::open,
    settings::{self, Settings},
};

/// `wisptrail audit key`.
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: KeyArgs) -> anyhow::Result<ExitCode> {
    let settings = settings::load(&args.place, None, false)?.settings;
    let key = if let Some(key) = of_server(&settings).await? {
        key
    } else {
        let log = Alone::open(&settings).await?;
        let key = async {
            let keyring = open::keyring_alone(&settings, &log.store).await?;
            anyhow::Ok(keyring.signing_key().await?.public())
        }
        .await;
        log.store.close().await;
        key?
    };
    cli::print(key.pem().trim_end())?;
    // Beside the output, which is meant for a file.
    cli::note(&format!("key {}, SHA-256 {}, base64 {key}", key.id(), key.fingerprint()));
    Ok(ExitCode::SUCCESS)
}

/// The key of a running server; none when there is no server.
pub(crate) async fn of_server(settings: &Settings) -> anyhow::Result<Option<PublicKey>> {
    let folder = &settings.data.folder;
    let Some(mut connection) = Connection::ask(folder, &Request::AuditKey).await? else {
        return Ok(None);
    };
    match connection.next().await? {
        Some(Answer::Key(key)) => Ok(Some(key)),
        _ => bail!("the server's answer is not understood"),
    }
}
