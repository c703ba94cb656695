//! Rules between the settings of mail.

use std::net::IpAddr;

use adapters::mail::Sender;
use secrecy::ExposeSecret as _;

use super::{MailTls, Settings};

/// A reminder that comes earlier could come twice: what was ordered is remembered for 30 days.
const EARLIEST_REMINDER: u32 = 28;
/// Former passwords that are looked at.
const LONGEST_HISTORY: u32 = 24;

/// Section, name and what is wrong.
type Wrong = (&'static str, &'static str, String);

impl Settings {
    /// Is there anything that takes mails?
    pub fn mails(&self) -> bool {
        !self.mail.smtp_host.is_empty() || !self.mail.folder.as_os_str().is_empty()
    }

    /// What links begin with, without a slash at the end.
    pub fn public_url(&self) -> Option<String> {
        let url = self.http.public_url.trim_end_matches('/');
        (!url.is_empty()).then(|| url.to_owned())
    }
}

pub(super) fn check(settings: &Settings) -> Result<(), Wrong> {
    let (http, mail) = (&settings.http, &settings.mail);
    if !http.public_url.is_empty()
        && let Err(reason) = public_url(&http.public_url)
    {
        return Err(("http", "public_url", reason));
    }
    if settings.accounts.password_reminder > EARLIEST_REMINDER {
        let reason = format!("at most {EARLIEST_REMINDER} days are possible");
        return Err(("accounts", "password_reminder", reason));
    }
    if settings.accounts.password_history > LONGEST_HISTORY {
        // Each of them is computed when somebody chooses another one.
        let reason = format!("at most {LONGEST_HISTORY} passwords are possible");
        return Err(("accounts", "password_history", reason));
    }
    if !mail.logo.is_empty()
        && let Err(reason) = public_url(&mail.logo)
    {
        return Err(("mail", "logo", reason));
    }
    if !settings.mails() {
        return Ok(());
    }
    if !mail.smtp_host.is_empty() && !mail.folder.as_os_str().is_empty() {
        let reason = "mails go to mail.smtp_host or into a folder, not to both".to_owned();
        return Err(("mail", "folder", reason));
    }
    if let Err(error) = Sender::new(&mail.from) {
        let reason = format!("`{}` {error}; mails have to come from somewhere", mail.from);
        return Err(("mail", "from", reason));
    }
    if http.public_url.is_empty() {
        let reason = "mails have links, which begin with it: write what people reach this server by, \
                      such as https://wifi.example.org";
        return Err(("http", "public_url", reason.to_owned()));
    }
    let password = !mail.smtp_password.expose_secret().is_empty()
        || !mail.smtp_password_file.as_os_str().is_empty();
    if password && mail.smtp_user.is_empty() {
        return Err(("mail", "smtp_user", "a password needs a user".to_owned()));
    }
    if !mail.smtp_user.is_empty() && mail.smtp_tls == MailTls::None && !is_here(&mail.smtp_host) {
        let reason = "user and password would go over the network in clear: choose \"starttls\" or \"implicit\"";
        return Err(("mail", "smtp_tls", reason.to_owned()));
    }
    Ok(())
}

/// An address of the web that something can be appended to.
fn public_url(text: &str) -> Result<(), String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let fits = rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty()
            && !host.contains('@')
            && rest.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>\\".contains(c))
    });
    let reason = "an address such as https://wifi.example.org is needed, without `?` and `#`";
    if fits { Ok(()) } else { Err(reason.to_owned()) }
}

/// This machine?
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_with_an_address() {
        for right in ["https://wifi.example.org", "http://10.0.0.1:8000/", "https://a.b/wisp"] {
            assert_eq!(public_url(right), Ok(()), "{right}");
        }
        for wrong in [
            "wifi.example.org",
            "https://",
            "ftp://a.b",
            "https://a.b/?x=1",
            "https://a.b/#x",
            "https://user@a.b",
            "https://a b",
            "javascript:alert(1)",
        ] {
            assert!(public_url(wrong).is_err(), "{wrong}");
        }
    }
}
