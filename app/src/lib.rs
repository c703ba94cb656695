//! Does what users ask: one method per use case, authority first, then facts, then one command, then the answer.

mod accounts;
mod agents;
mod app;
mod bulk;
mod by;
mod can;
mod configurations;
mod devices;
mod edge;
mod explanation;
mod failure;
mod fan_out;
mod files_diff;
mod fixture;
mod freshness;
mod groups;
mod history;
mod key_mask;
mod live;
mod log;
mod mail;
mod moment;
mod organizations;
mod permission_groups;
mod presence;
mod preview;
mod refusals;
mod relays;
mod requests;
mod retention;
mod sealing;
mod secrets;
mod settings;
mod states;
mod templates;
mod webhooks;
mod work;
mod world;

pub use accounts::{
    Account, Accounts, Address, AddressChange, LinkKey, LogInSelection, LogInTry, NewMembership,
    NewToken, NewUser, PersonContents, Token, UserChange, is_phone, membership_id,
};
pub use agents::{
    AgentRefused, Agents, Peer, Registered, Registration, RegistrationRefused, ReportedInformation,
};
pub use app::{App, Background, Parts};
pub use bulk::{BULK, Bulk, BulkJob, JobId, JobPage, Operation, Selection, Stepped};
pub(crate) use by::RULES;
pub use by::{By, Once};
pub use configurations::{
    Archive, ConfigurationChange, Configurations, NewConfiguration, Rendering,
};
pub use devices::{DeviceChange, DeviceDetail, Devices, NewDevice};
pub use explanation::explanation;
pub use failure::{Failure, Refusal, TakenValue};
pub use fan_out::{FanOuts, Step};
pub use files_diff::Malformed;
pub use fixture::{Fixture, FixtureError};
pub use freshness::Reads;
pub use groups::{GroupChange, Groups, NewGroup};
pub use history::{
    ArchiveAt, Blamed, BlamedSource, BlamedVariable, Cause, CausingEvent, ConfigurationAt,
    DeviceAt, DeviceDiff, Entries, Entry, FieldChange, FileCount, Gone, GroupAt, GroupLink,
    History, HistoryPage, ObjectRef, PastFilter, Reverted, SharedChange, SharedObject,
    StillDifferent, TemplateAt, TemplateLink, VariableSource,
};
pub use live::{
    ChangedNow, Confidential, DeviceSelection, DevicesLive, Ended, EventsLive, EventsPage,
    EventsSelection, JobLive, Listener, Live, LiveEvent,
};
pub use log::AggregateStore;
pub use mail::{Addressed, Addressee, Letter, Letters, LettersError, Mails};
pub use moment::Moment;
pub use netjson::json::{Inexact, exact as exact_json};
pub use netjson::{
    ContentsDiff, FileChange, FileDiff, FilesDiff, Finding, Opaque, OptionDiff, PackageDiff,
    SectionDiff, uci::Setting,
};
pub use organizations::{
    NewOrganization, OrganizationChange, OrganizationContents, Organizations, RemovalStep,
};
pub use permission_groups::{PermissionGroupChange, PermissionGroups};
pub use presence::Presence;
pub use preview::{
    Change, ChangedDevice, DistinctDiff, DryRun, FailedDevice, Previews, RenderedConfiguration,
    RenderedFile,
};
pub use refusals::{Refused, RefusedKind};
pub use relays::{
    RelayPage, RelaySelection, RelayState, RelayStatus, RelayTurn, RelayedEvent, Relays,
    relay_states,
};
pub use requests::{Begun, GivenAnswer, Requests, Turn};
pub use sealing::{Sealing, same_secret};
pub use settings::{
    AccountSettings, ControllerSettings, MailSettings, RetentionSettings, Settings, WebhookSettings,
};
pub use templates::{NewTemplate, TemplateChange, Templates};
pub use webhooks::{
    DeliveryEnd, DeliveryTurn, Endpoint, Look, NewWebhook, Outgoing, Redelivered, Skipped,
    WebhookChange, WebhookQueues, Webhooks, is_public,
};
pub use work::Done;
pub use world::World;

// What edges and workers need of the log.
pub use store;
