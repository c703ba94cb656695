//! Mail servers by SMTP (RFC 5321), and a folder for development.

mod folder;
mod message;
mod smtp;

pub use folder::Folder;
pub use message::{NotAnAddress, Sender};
pub use smtp::{Smtp, SmtpServer, Tls};
