//! Secrets on their way into events and out of rows.

use std::{net::IpAddr, sync::Arc};

use domain::{
    DeviceId, LogInId, OrganizationId, Sealed, TokenId, UserId, WebhookId, accounts::ProfileField,
};
use projections::SealedText;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use store::{Envelope, Keyring, Opened, SealedError, Subject};
use uuid::{Builder, Uuid};

use crate::Failure;

/// Seals and opens the values that this program keeps, each at its place.
#[derive(Clone)]
pub struct Sealing {
    keyring: Arc<Keyring>,
}

/// What is sealed, and hence where: a value cannot be opened at another place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// `device.key`.
    DeviceKey(DeviceId, OrganizationId),
    /// `organization.shared_secret`.
    SharedSecret(OrganizationId),
    /// `user.username`.
    Username(UserId),
    /// `user.email`.
    Email(UserId),
    /// `user.phone`, in international spelling.
    Phone(UserId),
    /// `user.password`, a hash.
    Password(UserId),
    /// A personal detail.
    Detail(UserId, ProfileField),
    /// A listed e-mail address by its number.
    ListedAddress(UserId, u32),
    /// What a request of an account was answered.
    Answer(UserId),
    /// What a token is for.
    TokenName(UserId, TokenId),
    /// Where a try to log in came from; of no known account it is the installation's.
    LogInAddress(LogInId, Option<UserId>),
    /// What a webhook signs with; of the whole installation it is the installation's.
    WebhookSecret(WebhookId, Option<OrganizationId>),
}

impl Place {
    fn subject(self) -> Subject {
        match self {
            Self::DeviceKey(_, organization)
            | Self::SharedSecret(organization)
            | Self::WebhookSecret(_, Some(organization)) => {
                Subject::Organization(organization.as_uuid())
            }
            Self::Username(user)
            | Self::Email(user)
            | Self::Phone(user)
            | Self::Password(user)
            | Self::Detail(user, _)
            | Self::ListedAddress(user, _)
            | Self::Answer(user)
            | Self::TokenName(user, _)
            | Self::LogInAddress(_, Some(user)) => Subject::Person(user.as_uuid()),
            Self::LogInAddress(_, None) | Self::WebhookSecret(_, None) => Subject::INSTALLATION,
        }
    }

    fn path(self) -> String {
        match self {
            Self::DeviceKey(device, _) => format!("device|{device}|key"),
            Self::SharedSecret(organization) => {
                format!("organization|{organization}|shared_secret")
            }
            Self::Username(user) => format!("user|{user}|username"),
            Self::Email(user) => format!("user|{user}|email"),
            Self::Phone(user) => format!("user|{user}|phone"),
            Self::Password(user) => format!("user|{user}|password"),
            Self::Detail(user, field) => format!("user|{user}|profile|{}", field.as_str()),
            Self::ListedAddress(user, number) => format!("user|{user}|address|{number}"),
            Self::Answer(user) => format!("user|{user}|answer"),
            Self::TokenName(user, token) => format!("user|{user}|token|{token}"),
            Self::LogInAddress(log_in, _) => format!("log_in|{log_in}|address"),
            Self::WebhookSecret(webhook, _) => format!("webhook|{webhook}|secret"),
        }
    }

    /// Fingerprints of different domains cannot be compared.
    fn domain(self) -> &'static str {
        match self {
            Self::DeviceKey(..) => DEVICE_KEY,
            Self::SharedSecret(_) => SHARED_SECRET,
            Self::Username(_) => USERNAME,
            // One address is the same address wherever it stands.
            Self::Email(_) | Self::ListedAddress(..) => EMAIL,
            Self::Phone(_) => PHONE,
            Self::Detail(..) => "user.profile",
            Self::Password(_) => "user.password",
            Self::Answer(_) => REQUEST,
            Self::TokenName(..) => "user.token_name",
            Self::LogInAddress(..) => NETWORK,
            Self::WebhookSecret(..) => "webhook.secret",
        }
    }
}

const DEVICE_KEY: &str = "device.key";
const SHARED_SECRET: &str = "organization.shared_secret";
const USERNAME: &str = "user.username";
const EMAIL: &str = "user.email";
const PHONE: &str = "user.phone";
const TOKEN: &str = "user.token";
const REQUEST: &str = "request";
const LINK: &str = "user.link";
const NETWORK: &str = "log_in.network";
const MESSAGE: &str = "mail.message";

impl Sealing {
    /// Over a keyring.
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self { keyring }
    }

    pub(crate) async fn seal(&self, place: Place, value: &str) -> Result<Sealed, Failure> {
        let envelope = self.keyring.seal(place.subject(), &place.path(), value.as_bytes()).await?;
        Ok(Sealed {
            envelope: serde_json::to_value(envelope)
                .map_err(|error| Failure::Broken(Box::new(error)))?,
            fingerprint: self.keyring.fingerprint(place.domain(), fold(place, value).as_bytes()),
        })
    }

    /// The value; `[erased]` when its subject's key was destroyed, `[sealed]` where the key is not in this installation.
    pub(crate) async fn open(
        &self,
        place: Place,
        sealed: &SealedText,
    ) -> Result<SecretString, Failure> {
        let envelope: Envelope = serde_json::from_value(sealed.envelope())
            .map_err(|_| SealedError::Altered { place: place.path() })?;
        match self.keyring.unseal(&envelope, &place.path()).await? {
            Opened::Erased => Ok("[erased]".into()),
            Opened::Withheld => Ok("[sealed]".into()),
            Opened::Plain(bytes) => {
                Ok(String::from_utf8_lossy(bytes.expose_secret()).into_owned().into())
            }
        }
    }

    /// Drops what a person's erasure has destroyed from memory: the person's key, and those of names, which nobody can tell any
    /// more.
    pub(crate) async fn forget_erased(&self) {
        self.keyring.forget_all().await;
    }

    pub(crate) fn device_key(&self, key: &str) -> String {
        self.keyring.fingerprint(DEVICE_KEY, key.as_bytes())
    }

    pub(crate) fn shared_secret(&self, secret: &str) -> String {
        self.keyring.fingerprint(SHARED_SECRET, secret.as_bytes())
    }

    pub(crate) fn username(&self, username: &str) -> String {
        self.keyring.fingerprint(USERNAME, username.as_bytes())
    }

    pub(crate) fn email(&self, email: &str) -> String {
        self.keyring.fingerprint(EMAIL, email.to_lowercase().as_bytes())
    }

    pub(crate) fn phone(&self, phone: &str) -> String {
        self.keyring.fingerprint(PHONE, phone.as_bytes())
    }

    pub(crate) fn network(&self, network: IpAddr) -> String {
        self.keyring.fingerprint(NETWORK, network.to_string().as_bytes())
    }

    /// What is stored of a bearer token.
    pub(crate) fn token(&self, token: &str) -> String {
        self.keyring.fingerprint(TOKEN, token.as_bytes())
    }

    /// Stands for a request, without telling it.
    pub(crate) fn request(&self, request: &[u8]) -> String {
        self.keyring.fingerprint(REQUEST, request)
    }

    /// What is stored of the token in a mailed link.
    pub(crate) fn link(&self, token: &str) -> String {
        self.keyring.fingerprint(LINK, token.as_bytes())
    }

    /// What a mail is recognised by: of the job that it is sent by, whose id another installation may have, too.
    pub(crate) fn message(&self, job: Uuid) -> Uuid {
        let digest = Sha256::digest(self.keyring.fingerprint(MESSAGE, job.as_bytes()));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// The token that an account gets whenever it asks, until all its tokens are ended: derived, so that nobody has to store
    /// it.
    pub(crate) fn derived_token(&self, user: UserId, epoch: u32) -> String {
        let mut of = user.as_uuid().as_bytes().to_vec();
        if epoch > 0 {
            of.extend(epoch.to_be_bytes());
        }
        let mut token = self.keyring.fingerprint("user.token.derived", &of);
        token.truncate(40);
        token
    }
}

/// E-mail addresses are compared in lower case.
fn fold(place: Place, value: &str) -> String {
    match place {
        Place::Email(_) | Place::ListedAddress(..) => value.to_lowercase(),
        _ => value.to_owned(),
    }
}

/// Compares secrets in the same number of steps wherever the first difference is.
pub fn same_secret(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}
