//! What the operator decides once, at start.

use std::{collections::BTreeMap, time::Duration};

use domain::Document;

/// Settings that use cases depend on; the server reads them from file, environment and flags.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Of people and passwords.
    pub accounts: AccountSettings,
    /// Of the agent protocol and of rendering.
    pub controller: ControllerSettings,
    /// Of mail.
    pub mail: MailSettings,
    /// Of webhooks.
    pub webhooks: WebhookSettings,
    /// Of what is kept for a while only.
    pub retention: RetentionSettings,
    /// What links in mails begin with, such as `https://wifi.example.org`, without a slash at the end. Never taken from a
    /// request, whose `Host` anybody can write.
    pub public_url: Option<String>,
}

/// Settings of mail (manual 12, `OPENWISP_EMAIL_TEMPLATE` and below).
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Is there anything that takes mails?
    pub enabled: bool,
    /// What the installation is called.
    pub name: String,
    /// Address of a picture at the top.
    pub logo: Option<String>,
    /// HTML beside the text?
    pub html: bool,
    /// Of accounts that chose none.
    pub language: String,
    /// Texts and layouts in place of the built-in ones, by file name.
    pub overrides: BTreeMap<String, String>,
    /// Links that may be asked for without credentials per client address and hour.
    pub requests_per_hour: u32,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            name: "Wisptrail".to_owned(),
            logo: None,
            html: true,
            language: "en".to_owned(),
            overrides: BTreeMap::new(),
            requests_per_hour: 60,
        }
    }
}

/// How long contents of events are kept; zero is for ever.
#[derive(Clone, Debug)]
pub struct RetentionSettings {
    /// Of facts: tries to log in, readings of secrets.
    pub facts: Duration,
    /// Of sessions and attempts to connect.
    pub sessions: Duration,
    /// Do they stay until they are in archives of the log?
    pub archived: bool,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(24 * days);
        Self { facts: days(365), sessions: days(180), archived: false }
    }
}

/// Settings of webhooks.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// May they point to addresses that only this machine and its neighbours can reach, and to `http://`?
    pub allow_private: bool,
    /// Pause after the first failure; it doubles.
    pub first_retry: Duration,
    /// The longest pause.
    pub longest_retry: Duration,
    /// A webhook is given up when something could not be delivered for so long.
    pub disable_after: Duration,
    /// Ended deliveries are kept for so long.
    pub keep_deliveries: Duration,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            allow_private: false,
            first_retry: Duration::from_secs(5),
            longest_retry: Duration::from_hours(1),
            disable_after: Duration::from_hours(5 * 24),
            keep_deliveries: Duration::from_hours(30 * 24),
        }
    }
}

/// Settings of people and passwords (manual 03, "Settings").
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// National prefixes such as `+39` that are tried when somebody logs in with a phone number without one.
    pub phone_prefixes: Vec<String>,
    /// Least characters of a password.
    pub shortest_password: usize,
    /// Passwords before the present one that may not be chosen again, 24 at most; 0 is only the present one.
    pub password_history: u32,
    /// Wrong passwords of an account from one address within [`failures_window`](Self::failures_window), then it has to wait;
    /// 0 is no bound.
    pub failures_per_account: u32,
    /// For how long they count.
    pub failures_window: Duration,
    /// Wrong passwords from one address within [`failures_address_window`](Self::failures_address_window), whoever they are
    /// about; 0 is no bound.
    pub failures_per_address: u32,
    /// For how long they count.
    pub failures_address_window: Duration,
    /// Days after which a password has to be changed; 0 is never.
    pub password_days: u32,
    /// The same for staff.
    pub staff_password_days: u32,
    /// Days before that at which the reminder is mailed; 0 is not at all.
    pub password_reminder_days: u32,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            phone_prefixes: Vec::new(),
            shortest_password: 8,
            password_history: 5,
            failures_per_account: 10,
            failures_window: Duration::from_mins(15),
            failures_per_address: 100,
            failures_address_window: Duration::from_hours(1),
            password_days: 0,
            staff_password_days: 0,
            password_reminder_days: 7,
        }
    }
}

/// Settings of the agent protocol and of rendering.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct ControllerSettings {
    /// May agents register at all?
    pub registration_enabled: bool,
    /// May agents register devices that no operator made before?
    pub registration_self_creation: bool,
    /// Are keys derived from address and secret, so that a device finds itself again?
    pub consistent_registration: bool,
    /// Are hardware ids in use? Then they are required, and keys are derived from them.
    pub hardware_id_enabled: bool,
    /// Is an address the same address in all organizations?
    pub shared_management_ip_address_space: bool,
    /// Generators that may be chosen; the first is the default.
    pub backends: Vec<String>,
    /// Variables of all devices.
    pub context: Document,
    /// The syntax of devices whose operating system says nothing: DSA (`OpenWrt` 21 and later) or before.
    pub dsa_default: bool,
    /// May values be written that devices read as more than they are (a quote and a line end bring in options)?
    pub allow_lint_findings: bool,
    /// Registrations per organization and address, sustained.
    pub registrations_per_minute: u32,
    /// Registrations per organization and address at once.
    pub registration_burst: u32,
    /// How often the management address of a device is written into the log at most.
    pub address_interval: Duration,
    /// Operations on many devices that one account may have open at a time.
    pub operations_per_account: u32,
}

impl Default for ControllerSettings {
    fn default() -> Self {
        Self {
            registration_enabled: true,
            registration_self_creation: true,
            consistent_registration: true,
            hardware_id_enabled: false,
            shared_management_ip_address_space: true,
            backends: ["netjsonconfig.OpenWrt", "netjsonconfig.OpenWisp"]
                .map(str::to_owned)
                .to_vec(),
            context: Document::new(),
            dsa_default: true,
            allow_lint_findings: false,
            registrations_per_minute: 600,
            registration_burst: 20_000,
            address_interval: Duration::from_mins(1),
            operations_per_account: 50,
        }
    }
}
