use std::time::SystemTime;

use app::Letter;
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use workers::MailError;

/// What mails come from.
#[derive(Clone, Debug)]
pub struct Sender(Address);

/// A text that is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no e-mail address such as wifi@example.org")]
pub struct NotAnAddress;

impl Sender {
    /// An address such as `wifi@example.org`.
    pub fn new(address: &str) -> Result<Self, NotAnAddress> {
        address.trim().parse().map(Self).map_err(|_| NotAnAddress)
    }

    pub(super) fn address(&self) -> &Address {
        &self.0
    }

    /// The mail in the form of RFC 5322.
    pub(super) fn message(&self, letter: &Letter) -> Result<Vec<u8>, MailError> {
        let broken = |_| MailError::Never("the mail cannot be put together".to_owned());
        let from = Mailbox::new(Some(letter.sender.clone()), self.0.clone());
        let to = Mailbox::new(None, recipient(&letter.to)?);
        // Nobody is to answer a program (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let builder = Message::builder()
            .from(from)
            .to(to)
            .date(SystemTime::from(letter.date))
            .message_id(Some(format!("<{}@{}>", letter.id, self.0.domain())))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .subject(&letter.subject);
        let text = letter.text.expose_secret().to_owned();
        let message = match &letter.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(
                text,
                html.expose_secret().to_owned(),
            )),
            None => {
                builder.singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text))
            }
        };
        Ok(message.map_err(broken)?.formatted())
    }
}

/// Whom it goes to.
pub(super) fn recipient(to: &SecretString) -> Result<Address, MailError> {
    let address = to.expose_secret().parse();
    address.map_err(|_| MailError::Never("the recipient's address cannot be used".to_owned()))
}
