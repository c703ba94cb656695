//! Mail as the settings say.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use adapters::mail::{Folder, Sender, Smtp, SmtpServer, Tls};
use anyhow::Context as _;
use app::MailSettings;
use workers::Postman;

use crate::settings::{self, MailTls, Settings};

/// Largest text or layout of mails.
const LARGEST: u64 = 256 * 1024;
/// Most texts and layouts.
const MOST: usize = 100;

/// What use cases have to know.
pub(super) fn settings(settings: &Settings) -> anyhow::Result<MailSettings> {
    let given = &settings.mail;
    let overrides = if given.texts.as_os_str().is_empty() {
        BTreeMap::new()
    } else {
        texts(&given.texts)
            .with_context(|| format!("cannot read mail.texts {}", given.texts.display()))?
    };
    let settings = MailSettings {
        enabled: settings.mails(),
        name: given.name.clone(),
        logo: (!given.logo.is_empty()).then(|| given.logo.clone()),
        html: given.html,
        language: given.language.clone(),
        overrides,
        requests_per_hour: given.requests_per_hour,
    };
    // Told before anything is written.
    app::Letters::new(&settings).context("mails cannot be written")?;
    Ok(settings)
}

/// All files of a folder, by name.
fn texts(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| anyhow::anyhow!("a name is not UTF-8"))?;
        let size = entry.metadata()?.len();
        anyhow::ensure!(size <= LARGEST, "{name} has more than {LARGEST} bytes");
        anyhow::ensure!(texts.len() < MOST, "there are more than {MOST} files");
        let text = std::fs::read_to_string(entry.path()).with_context(|| name.clone())?;
        texts.insert(name, text);
    }
    Ok(texts)
}

/// What takes mails, if anything does.
pub(super) fn postman(settings: &Settings) -> anyhow::Result<Option<Arc<dyn Postman>>> {
    let given = &settings.mail;
    if !settings.mails() {
        return Ok(None);
    }
    let sender = Sender::new(&given.from).context("mail.from")?;
    if given.smtp_host.is_empty() {
        let folder = Folder::open(given.folder.clone(), sender)
            .with_context(|| format!("cannot make mail.folder {}", given.folder.display()))?;
        return Ok(Some(Arc::new(folder)));
    }
    let file = Some(given.smtp_password_file.as_path()).filter(|file| !file.as_os_str().is_empty());
    let password = settings::secret_or_file("mail.smtp_password", &given.smtp_password, file)?;
    let user = Some(given.smtp_user.clone()).filter(|user| !user.is_empty());
    let file = &given.smtp_certificate_file;
    let certificate = if file.as_os_str().is_empty() {
        None
    } else {
        Some(std::fs::read(file).with_context(|| {
            format!("cannot read mail.smtp_certificate_file {}", file.display())
        })?)
    };
    let server = SmtpServer {
        host: given.smtp_host.clone(),
        port: given.smtp_port,
        tls: match given.smtp_tls {
            MailTls::Starttls => Tls::StartTls,
            MailTls::Implicit => Tls::Implicit,
            MailTls::None => Tls::None,
        },
        certificate,
        credentials: user.map(|user| (user, password.unwrap_or_default())),
        patience: given.smtp_timeout.0,
    };
    let smtp = Smtp::new(server, sender).context("mail.smtp_certificate_file cannot be used")?;
    Ok(Some(Arc::new(smtp)))
}
