use std::{
    io::{self, IsTerminal as _, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, anyhow, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use store::{Bound, Evidence, EvidenceRequest, Location, SigningKey, Store};
use uuid::Uuid;

use super::catalogue;
use crate::{
    cli::{self, Place},
    control::{Answer, Connection, Part, Request},
    export::to_file,
    log::Alone,
    serve::open,
    settings::{self, Settings},
};

/// `wisptrail audit export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    place: Place,
    /// The first event: a position such as 4711, or a moment (RFC 3339) that it was recorded at or after.
    #[arg(long, value_name = "POSITION|TIME", value_parser = bound)]
    from: Option<String>,
    /// The last event: a position, or a moment that it was recorded at or before.
    #[arg(long, value_name = "POSITION|TIME", value_parser = bound)]
    to: Option<String>,
    /// Id of an organization: events of others are in it as digests only.
    #[arg(long, value_name = "UUID")]
    organization: Option<Uuid>,
    /// Signs it with the key of this installation, which is made at the first use.
    #[arg(long)]
    sign: bool,
    /// The file to make; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "evidence.tar")]
    out: PathBuf,
}

fn bound(text: &str) -> Result<String, &'static str> {
    text.parse::<Bound>().map(|_| text.to_owned())
}

/// Exports beside a running server through its control socket, else by opening the log.
pub(super) async fn run(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let ExportArgs { place, from, to, organization, sign, out } = args;
    let settings = settings::load(&place, None, false)?.settings;
    let part = Part { from, to, organization, sign };
    let summary = if out.as_os_str() == "-" {
        if io::stdout().is_terminal() {
            bail!("an archive is nothing to look at: name a file, or send it on with a pipe");
        }
        export(&settings, part, io::stdout().lock()).await?.0
    } else {
        to_file(&out, async |file| export(&settings, part, file).await).await?
    };
    cli::note(&format!("{}: {summary}", out.display()));
    Ok(ExitCode::SUCCESS)
}

async fn export<W: Write>(
    settings: &Settings,
    part: Part,
    mut to: W,
) -> anyhow::Result<(String, W)> {
    const WRITING: &str = "cannot write the archive";
    let request = Request::Evidence(part.clone());
    if let Some(mut connection) = Connection::ask(&settings.data.folder, &request).await? {
        let mut summary = None;
        while let Some(answer) = connection.next().await? {
            match answer {
                Answer::Bytes(text) => to.write_all(&STANDARD.decode(text)?).context(WRITING)?,
                Answer::Text(text) => summary = Some(text),
                _ => bail!("the server's answer is not understood"),
            }
        }
        to.flush().context(WRITING)?;
        return Ok((summary.context("the server hung up")?, to));
    }
    let log = Alone::open(settings).await?;
    let mut failed = None;
    let outcome = async {
        let key = async || {
            let keyring = open::keyring_alone(settings, &log.store).await?;
            Ok(keyring.signing_key().await?)
        };
        pack(&log.store, &log.location, &part, key, async |bytes| {
            failed = to.write_all(&bytes).err();
            failed.is_none()
        })
        .await
    }
    .await;
    log.store.close().await;
    if let Some(error) = failed {
        return Err(error).context(WRITING);
    }
    let summary = outcome?;
    to.flush().context(WRITING)?;
    Ok((summary, to))
}

/// Makes an archive piece by piece, until nobody takes more of it, and says what is in it.
pub(crate) async fn pack(
    store: &Store,
    location: &Location,
    part: &Part,
    key: impl AsyncFnOnce() -> anyhow::Result<SigningKey>,
    mut take: impl AsyncFnMut(Vec<u8>) -> bool,
) -> anyhow::Result<String> {
    let bound = |text: &Option<String>| {
        let bound = text.as_deref().map(str::parse::<Bound>).transpose();
        bound.map_err(|error| anyhow!("{} is {error}", text.as_deref().unwrap_or_default()))
    };
    let request = EvidenceRequest {
        from: bound(&part.from)?,
        to: bound(&part.to)?,
        organization: part.organization,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        catalogue: catalogue::text()?,
        key: if part.sign { Some(key().await?) } else { None },
        wrapping: None,
    };
    let mut evidence = Evidence::begin(store, location, request).await?;
    let mut packed = async || {
        while let Some(bytes) = evidence.next().await? {
            if !take(bytes).await {
                break;
            }
        }
        anyhow::Ok(())
    };
    let outcome = packed().await;
    let manifest = evidence.manifest().clone();
    evidence.close().await?;
    outcome?;
    let signed = manifest
        .key
        .map_or_else(|| "not signed".to_owned(), |key| format!("signed with the key {}", key.id()));
    let withheld = match manifest.withheld {
        0 => String::new(),
        withheld => format!(", {withheld} of others as digests only"),
    };
    Ok(format!(
        "positions {} to {}, {} events{withheld}, {signed}; chain hash {}",
        manifest.first,
        manifest.last,
        manifest.events,
        hex::encode(&manifest.hash),
    ))
}
