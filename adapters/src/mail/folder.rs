use std::{
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use app::Letter;
use async_trait::async_trait;
use secrecy::SecretString;
use workers::{Delivery, MailError, Postman};

use super::{Sender, message};

/// Writes mails into a folder instead of sending them, one file each.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    sender: Sender,
}

impl Folder {
    /// Makes the folder where there is none.
    pub fn open(path: PathBuf, sender: Sender) -> io::Result<Self> {
        std::fs::create_dir_all(&path)?;
        Ok(Self { path, sender })
    }
}

#[async_trait]
impl Postman for Folder {
    async fn call(&self, to: &SecretString) -> Result<Box<dyn Delivery>, MailError> {
        message::recipient(to)?;
        Ok(Box::new(self.clone()))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

#[async_trait]
impl Delivery for Folder {
    async fn hand_over(self: Box<Self>, letter: &Letter) -> Result<(), MailError> {
        let message = self.sender.message(letter)?;
        let path = self.path.join(format!("{}.eml", letter.id));
        let written = tokio::task::spawn_blocking(move || write(&path, &message)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(MailError::Later(format!("the folder of mails cannot be written: {error}")))
            }
            Err(_) => Err(MailError::Doubtful("writing the mail did not end".to_owned())),
        }
    }
}

/// As a whole or not at all; for the owner's eyes, because links are secrets.
fn write(path: &Path, message: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("part");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(message)?;
    file.sync_all()?;
    std::fs::rename(unfinished, path)
}
