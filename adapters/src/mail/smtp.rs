use std::{io, time::Duration};

use app::Letter;
use async_trait::async_trait;
use lettre::transport::smtp::{
    self,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, Certificate, TlsParameters},
    commands::{Data, Mail, Rcpt},
    extension::{ClientId, Extension, MailParameter},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;
use workers::{Delivery, MailError, Postman};

use super::{Sender, message};

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte (RFC 8314).
    Implicit,
    /// After `STARTTLS`, which the server has to offer (RFC 3207).
    StartTls,
    /// Not at all.
    None,
}

/// A mail server, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    /// Its name, which its certificate has to have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// A certificate that is trusted beside the public ones (PEM).
    pub certificate: Option<Vec<u8>>,
    /// User and password.
    pub credentials: Option<(String, SecretString)>,
    /// The longest time until a mail server is ready for a mail, and until it has taken it.
    pub patience: Duration,
}

/// Hands mails over to a mail server.
#[derive(Clone)]
pub struct Smtp {
    server: SmtpServer,
    sender: Sender,
    tls: TlsParameters,
}

impl Smtp {
    /// Nothing is connected yet. Fails on a certificate that cannot be read.
    pub fn new(server: SmtpServer, sender: Sender) -> Result<Self, smtp::Error> {
        let mut tls = TlsParameters::builder(server.host.clone());
        if let Some(pem) = &server.certificate {
            tls = tls.add_root_certificate(Certificate::from_pem(pem)?);
        }
        Ok(Self { tls: tls.build()?, server, sender })
    }

    async fn ready(&self, to: &SecretString) -> Result<AsyncSmtpConnection, MailError> {
        let to = message::recipient(to)?;
        let server = &self.server;
        let hello = ClientId::default();
        let tls = (server.tls == Tls::Implicit).then(|| self.tls.clone());
        let place = (server.host.as_str(), server.port);
        let connected =
            AsyncSmtpConnection::connect_tokio1(place, Some(server.patience), &hello, tls, None);
        let mut connection = connected.await.map_err(|error| later("connecting", &error))?;
        if server.tls == Tls::StartTls {
            if !connection.can_starttls() {
                return Err(MailError::Later("the mail server offers no STARTTLS".to_owned()));
            }
            let secured = connection.starttls(self.tls.clone(), &hello).await;
            secured.map_err(|error| later("STARTTLS", &error))?;
        }
        if let Some((user, password)) = &server.credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let known = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            known.map_err(|error| later("logging in", &error))?;
        }
        let mut options = Vec::new();
        if !AsRef::<str>::as_ref(&to).is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let reason = "the mail server cannot take addresses with such letters";
                return Err(MailError::Never(reason.to_owned()));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let from = Some(self.sender.address().clone());
        let begun = connection.command(Mail::new(from, options)).await;
        begun.map_err(|error| later("MAIL", &error))?;
        let accepted = connection.command(Rcpt::new(to, Vec::new())).await;
        accepted.map_err(|error| refused("RCPT", &error))?;
        let wanted = connection.command(Data).await;
        wanted.map_err(|error| refused("DATA", &error))?;
        Ok(connection)
    }
}

#[async_trait]
impl Postman for Smtp {
    async fn call(&self, to: &SecretString) -> Result<Box<dyn Delivery>, MailError> {
        let Ok(ready) = timeout(self.server.patience, self.ready(to)).await else {
            return Err(MailError::Later("the mail server did not answer in time".to_owned()));
        };
        Ok(Box::new(Ready {
            connection: ready?,
            sender: self.sender.clone(),
            patience: self.server.patience,
        }))
    }

    fn patience(&self) -> Duration {
        self.server.patience
    }
}

/// A server that has said 354.
struct Ready {
    connection: AsyncSmtpConnection,
    sender: Sender,
    patience: Duration,
}

#[async_trait]
impl Delivery for Ready {
    async fn hand_over(mut self: Box<Self>, letter: &Letter) -> Result<(), MailError> {
        let message = self.sender.message(letter)?;
        let Ok(taken) = timeout(self.patience, self.connection.message(&message)).await else {
            let reason = "the mail server did not say whether it has taken the mail";
            return Err(MailError::Doubtful(reason.to_owned()));
        };
        taken.map_err(|error| match error.status() {
            Some(_) => refused("the mail", &error),
            None => MailError::Doubtful(said("the mail", &error)),
        })?;
        // It has the mail, whatever it says to this.
        drop(timeout(self.patience, self.connection.quit()).await);
        Ok(())
    }
}

/// Something that has nothing to do with this mail.
fn later(step: &str, error: &smtp::Error) -> MailError {
    MailError::Later(said(step, error))
}

/// As the server says: for now, or for ever (RFC 5321, 4.2.1).
fn refused(step: &str, error: &smtp::Error) -> MailError {
    let reason = said(step, error);
    if error.is_permanent() { MailError::Never(reason) } else { MailError::Later(reason) }
}

/// What went wrong, without the server's own words: these repeat addresses.
fn said(step: &str, error: &smtp::Error) -> String {
    if let Some(code) = error.status() {
        return format!("the mail server answered {code} to {step}");
    }
    let reason = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_tls() {
        "TLS failed".to_owned()
    } else if error.is_response() {
        "the answer cannot be read".to_owned()
    } else {
        cause(error).unwrap_or_else(|| "the connection failed".to_owned())
    };
    format!("{step} at the mail server: {reason}")
}

/// What the system says about the connection.
fn cause(error: &smtp::Error) -> Option<String> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return Some(match error.kind() {
                // What the other side shows is not what is trusted, or no TLS at all.
                io::ErrorKind::InvalidData => "TLS failed".to_owned(),
                kind => kind.to_string(),
            });
        }
        source = inner.source();
    }
    None
}
