//! The sections; structures, defaults, documentation and the check of names come from one table.

use std::{net::SocketAddr, path::PathBuf};

use domain::{Document, OrganizationId};
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Duration, Size};

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its section.
    pub section: &'static str,
    /// Its name there.
    pub key: &'static str,
    /// TOML.
    pub default: &'static str,
    /// What it means, with unit.
    pub doc: &'static str,
    /// Never shown.
    pub secret: bool,
}

impl Key {
    /// `section.key`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// Is it written in quotation marks?
    pub fn is_text(&self) -> bool {
        self.default.starts_with('"')
    }

    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("{}{}__{}", super::PREFIX, self.section, self.key).to_uppercase()
    }
}

macro_rules! sections {
    ($(
        $(#[doc = $section_doc:literal])+
        $section:ident $name:literal {
            $($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:literal $($secret:ident)?;)+
        }
    )+) => {
        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $section {
                $($(#[doc = $doc])+ pub $key: $type,)+
            }
        )+

        /// Every setting there is.
        pub const KEYS: &[Key] = &[$($(
            Key {
                section: $name,
                key: stringify!($key),
                default: $default,
                doc: concat!($($doc, "\n"),+),
                secret: secret!($($secret)?),
            },
        )+)+];
    };
}

macro_rules! secret {
    () => {
        false
    };
    (secret) => {
        true
    };
}

/// How safe an answered command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Survives a power cut.
    Full,
    /// Survives a crash of the program.
    Normal,
}

/// How connections to the mail server are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// After STARTTLS.
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all.
    None,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

sections! {
    /// Requests.
    Http "http" {
        /// Where to listen; port 0 is any free one.
        listen: SocketAddr = "\"127.0.0.1:8000\"";
        /// What people reach this server by, such as `https://wifi.example.org`; links in mails begin with it. Needed for mail.
        public_url: String = "\"\"";
        /// Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, such as `["10.0.0.0/8"]`.
        trusted_proxies: Vec<IpNet> = "[]";
        /// Longest body of a request.
        body_limit: Size = "\"2MiB\"";
        /// Longest time until a request is answered; agents wait 30s.
        request_timeout: Duration = "\"25s\"";
        /// Longest time until the head of a request is there.
        header_timeout: Duration = "\"15s\"";
        /// Connections at a time; further ones wait.
        max_connections: usize = "20000";
        /// Longest time that requests have to finish when the program is asked to stop.
        shutdown_timeout: Duration = "\"25s\"";
    }
    /// Files.
    Data "data" {
        /// The data folder: embedded databases, archives, master key, lock, control socket.
        folder: PathBuf = "\"wisptrail-data\"";
    }
    /// Tables and the log.
    Database "database" {
        /// Address of a PostgreSQL database, such as `postgres://user:password@host/name`; empty is the embedded SQLite.
        url: SecretString = "\"\"" secret;
        /// A file that holds database.url instead.
        url_file: PathBuf = "\"\"";
        /// "full": an answered command survives a power cut; "normal": it survives a crash of the program. SQLite only.
        durability: Durability = "\"full\"";
        /// PostgreSQL only: the database itself holds requests to the organizations that they reach (row-level security), a second net under the program's own conditions. Makes the role `wisptrail_reader`, or wants it to be there and granted; each reading takes three round trips more.
        row_level_security: bool = "false";
    }
    /// Keys.
    Security "security" {
        /// A file with the master key, 32 bytes or 64 hexadecimal digits; empty is master.key in the data folder, made at the first start.
        master_key_file: PathBuf = "\"\"";
    }
    /// People and passwords.
    Accounts "accounts" {
        /// National prefixes such as "+39" that are tried when somebody logs in with a phone number without one.
        phone_prefixes: Vec<String> = "[]";
        /// Least characters of a password.
        shortest_password: usize = "8";
        /// Passwords before the present one that nobody may choose again, at most 24; 0 is the present one alone.
        password_history: u32 = "5";
        /// Fields of `wisptrail users export`, in their order; "password" is left out unless hashes are asked for.
        export_fields: Vec<String> = "[\"id\", \"username\", \"email\", \"password\", \"first_name\", \"last_name\", \"is_staff\", \"is_active\", \"date_joined\", \"phone_number\", \"birth_date\", \"location\", \"notes\", \"language\", \"organizations\"]";
        /// Wrong passwords of one account from one address (of IPv6: the first 64 bits), then its next tries have to wait; 0 is no bound. Good ones do not count.
        failures_per_account: u32 = "10";
        /// For how long they count.
        failures_window: Duration = "\"15m\"";
        /// Wrong passwords from one address, whoever they are about, then its next tries have to wait; 0 is no bound.
        failures_per_address: u32 = "100";
        /// For how long they count.
        failures_address_window: Duration = "\"1h\"";
        /// Days after which people have to choose another password; 0 is never.
        password_expiration: u32 = "0";
        /// The same for staff.
        staff_password_expiration: u32 = "0";
        /// Days before that at which a reminder is mailed, at most 28; 0 is not at all.
        password_reminder: u32 = "7";
    }
    /// Mail: links to choose a password, to confirm an address and to log in, and reminders. Without a mail server or a folder, none is sent.
    Mail "mail" {
        /// Name of the mail server that takes mails over; empty is none.
        smtp_host: String = "\"\"";
        /// Its port; usual are 587 for "starttls", 465 for "implicit" and 25 for "none".
        smtp_port: u16 = "587";
        /// "starttls", "implicit" or "none", which goes without a password, or to this machine.
        smtp_tls: MailTls = "\"starttls\"";
        /// A file with a certificate (PEM) that is trusted beside the public ones.
        smtp_certificate_file: PathBuf = "\"\"";
        /// User at the mail server; empty logs in nowhere.
        smtp_user: String = "\"\"";
        /// Password at the mail server.
        smtp_password: SecretString = "\"\"" secret;
        /// A file that holds this password instead.
        smtp_password_file: PathBuf = "\"\"";
        /// Longest time until the mail server is ready for a mail, and until it has taken it.
        smtp_timeout: Duration = "\"30s\"";
        /// For development: a folder into which mails are written, one file each, instead of sending them.
        folder: PathBuf = "\"\"";
        /// The address that mails come from, such as `wifi@example.org`.
        from: String = "\"\"";
        /// What the installation is called in mails.
        name: String = "\"Wisptrail\"";
        /// Address of a picture at the top of mails, such as `https://wifi.example.org/logo.png`; empty is none.
        logo: String = "\"\"";
        /// Is there HTML beside the text?
        html: bool = "true";
        /// Language of accounts that chose none: "de", "en", "it", or one of the texts in mail.texts.
        language: String = "\"en\"";
        /// A folder with texts and layouts in place of the built-in ones: mail.html, mail.txt, and texts by language such as fr.toml.
        texts: PathBuf = "\"\"";
        /// Mails that may be asked for without signing in, per client address and hour.
        requests_per_hour: u32 = "60";
    }
    /// Agents and rendering.
    Controller "controller" {
        /// May agents register at all?
        registration_enabled: bool = "true";
        /// May agents register devices that no operator made before?
        registration_self_creation: bool = "true";
        /// Are keys derived from address and secret, so that a device finds itself again after a new installation?
        consistent_registration: bool = "true";
        /// Are hardware ids (serial numbers) in use? Then they are required, and keys are derived from them.
        hardware_id_enabled: bool = "false";
        /// Is a management address the same address in all organizations? Off: each organization has its own.
        shared_management_ip_address_space: bool = "true";
        /// Generators that may be chosen; the first is the default.
        backends: Vec<String> = "[\"netjsonconfig.OpenWrt\", \"netjsonconfig.OpenWisp\"]";
        /// Variables of all devices.
        context: Document = "{}";
        /// Do devices whose operating system says nothing get the DSA syntax (OpenWrt 21 and later)?
        dsa_default: bool = "true";
        /// May values be saved that devices read as more options or sections than planned? What was saved before always keeps working.
        allow_lint_findings: bool = "false";
        /// Registrations per organization and client address in a minute, sustained.
        registrations_per_minute: u32 = "600";
        /// Registrations per organization and client address at once: a fleet behind one address may come back together.
        registration_burst: u32 = "20000";
        /// How often the management address of a device is written into the log at most.
        address_interval: Duration = "\"60s\"";
        /// Operations on many devices that one account may have open at a time; further ones are refused until one has ended.
        operations_per_account: u32 = "50";
    }
    /// GraphQL requests.
    Graphql "graphql" {
        /// Fields inside fields that a request may have.
        max_depth: usize = "16";
        /// Fields that a request may ask for; those of a list count as often as its page may have rows.
        max_complexity: usize = "5000";
        /// May clients that are signed in ask for the schema?
        introspection: bool = "true";
        /// Do browsers get a page at /graphql with a sign-in and an editor for requests?
        graphiql: bool = "true";
        /// Connections with subscriptions at a time; further ones are refused. Each may have 50 subscriptions.
        max_subscriptions: usize = "2000";
        /// How long a message may wait until a subscriber takes it; then the subscriber is disconnected, and told where to go on.
        slow_client: Duration = "\"10s\"";
        /// How often a silent subscriber is asked whether it is there; one that says nothing two and a half times so long is gone.
        keep_alive: Duration = "\"30s\"";
    }
    /// The description of REST.
    Rest "rest" {
        /// Is REST described at /api/v1/docs/, for programs and on a page to try it at?
        docs: bool = "true";
        /// What the description is called.
        docs_title: String = "\"Wisptrail\"";
        /// What it says first.
        docs_description: String = "\"The REST interface of Wisptrail.\"";
    }
    /// Streams of events over HTTP.
    Events "events" {
        /// Streams at a time; further ones are refused.
        max_streams: usize = "2000";
        /// How long an event may wait until a client takes it; then its stream ends, and it is told where to go on.
        slow_client: Duration = "\"10s\"";
        /// How often a stream on which nothing happens says that it is still there.
        heartbeat: Duration = "\"15s\"";
    }
    /// How long what is kept for a while only is kept. Everything else is kept for ever.
    Retention "retention" {
        /// Contents of facts: tries to log in and readings of secrets; 0s is for ever. Then the events stay, without them.
        facts: Duration = "\"365d\"";
        /// Contents of sessions and attempts to connect; 0s is for ever.
        sessions: Duration = "\"180d\"";
    }
    /// Archives of the log: files with its old parts, also with contents that it keeps for a while only.
    Archive "archive" {
        /// The folder that they are made in; empty makes none. With one, contents stay until they are in an archive.
        folder: PathBuf = "\"\"";
        /// How old a month has to be until it is archived, counted from its end; by the day where contents leave sooner than that.
        after: Duration = "\"30d\"";
    }
    /// Signed checkpoints of the log, which betray whoever rewrites its past in the database.
    Audit "audit" {
        /// The file that they are appended to, best on another machine; empty is anchors.jsonl in the data folder.
        checkpoints: PathBuf = "\"\"";
        /// How often, when something has happened; 0s is never.
        checkpoint_interval: Duration = "\"10m\"";
    }
    /// Webhooks: events that are delivered to addresses of integrations.
    Webhooks "webhooks" {
        /// May they point to addresses that only this machine and its neighbours can reach, and to http://? Whoever may make a webhook can ask these machines then.
        allow_private: bool = "false";
        /// Requests to one receiver at a time.
        parallel: usize = "8";
        /// Longest time that a receiver has to answer.
        timeout: Duration = "\"15s\"";
        /// Pause after the first failure; it doubles with each further one, give or take a quarter.
        first_retry: Duration = "\"5s\"";
        /// The longest pause.
        longest_retry: Duration = "\"1h\"";
        /// A webhook is given up, and its managers are told by mail, when something could not be delivered for so long.
        disable_after: Duration = "\"120h\"";
        /// How long deliveries are shown after they ended.
        keep_deliveries: Duration = "\"720h\"";
    }
    /// A relay that writes events into EventStoreDB (KurrentDB).
    Eventstore "eventstore" {
        /// Where it is, such as `esdb://host:2113` or `esdb://host:2113?tls=false`; empty: nothing is written.
        url: String = "\"\"";
        /// User there; empty is nobody.
        user: String = "\"\"";
        /// Password there.
        password: SecretString = "\"\"" secret;
        /// A file that holds this password instead.
        password_file: PathBuf = "\"\"";
        /// A file with certificates (PEM) that are trusted instead of those of the machine.
        certificate_file: PathBuf = "\"\"";
        /// What names of streams begin with; the aggregate and its id follow, as in `device-0198…`.
        stream_prefix: String = "\"\"";
        /// Only events of these organizations (ids); empty is all, and what belongs to none.
        organizations: Vec<OrganizationId> = "[]";
        /// Only events of these aggregates, such as `["device", "template"]`; empty is all.
        aggregates: Vec<String> = "[]";
        /// Only events of these types, such as `["device.registered"]`; empty is all.
        types: Vec<String> = "[]";
        /// Is what happened before the relay was first started written, too?
        history: bool = "true";
        /// Events that are read and written together, 1 to 1000.
        batch: u32 = "200";
        /// Longest time that an answer takes.
        timeout: Duration = "\"10s\"";
        /// The longest pause after failures; the first is 250ms, and it doubles with each further one, give or take a quarter.
        longest_retry: Duration = "\"30s\"";
    }
    /// A relay that publishes events to NATS JetStream.
    Nats "nats" {
        /// Where it is, such as `nats://host:4222` or `tls://host:4222`, several with commas; empty: nothing is published.
        url: String = "\"\"";
        /// User there; empty is nobody.
        user: String = "\"\"";
        /// Password there.
        password: SecretString = "\"\"" secret;
        /// A file that holds this password instead.
        password_file: PathBuf = "\"\"";
        /// A token instead of user and password.
        token: SecretString = "\"\"" secret;
        /// A file that holds this token instead.
        token_file: PathBuf = "\"\"";
        /// A file of credentials as `nsc` makes it, instead of user and password.
        credentials_file: PathBuf = "\"\"";
        /// A file with certificates (PEM) that are trusted instead of those of the machine.
        certificate_file: PathBuf = "\"\"";
        /// The stream, which belongs to the relay alone.
        stream: String = "\"wisptrail\"";
        /// Is the stream made if it is missing?
        create_stream: bool = "true";
        /// For how long a stream that is made knows messages by their ids.
        duplicate_window: Duration = "\"2m\"";
        /// What subjects begin with.
        subject_prefix: String = "\"wisptrail\"";
        /// Only events of these organizations (ids); empty is all, and what belongs to none.
        organizations: Vec<OrganizationId> = "[]";
        /// Only events of these aggregates, such as `["device", "template"]`; empty is all.
        aggregates: Vec<String> = "[]";
        /// Only events of these types, such as `["device.registered"]`; empty is all.
        types: Vec<String> = "[]";
        /// Is what happened before the relay was first started written, too?
        history: bool = "true";
        /// Events that are read and written together, 1 to 1000.
        batch: u32 = "200";
        /// Longest time that an answer takes.
        timeout: Duration = "\"10s\"";
        /// The longest pause after failures; the first is 250ms, and it doubles with each further one, give or take a quarter.
        longest_retry: Duration = "\"30s\"";
    }
    /// What the program says about itself.
    Log "log" {
        /// "error", "warn", "info", "debug", "trace", or a filter such as "info,access=warn".
        level: String = "\"info\"";
        /// "text" or "json".
        format: LogFormat = "\"text\"";
    }
    /// Counters at /metrics.
    Metrics "metrics" {
        /// Bearer token for /metrics; empty: only clients on this machine may read it.
        token: SecretString = "\"\"" secret;
        /// A file that holds metrics.token instead.
        token_file: PathBuf = "\"\"";
    }
}
