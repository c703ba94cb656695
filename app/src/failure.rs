//! Why a use case ends without a result. Each edge has one mapping from these.

use domain::{
    FieldError,
    accounts::{
        LogInError, OrganizationError, PermissionGroupError, SecretReadingError, UserError,
    },
    authority::Denied,
    configuration::{ConfigurationError, TemplateError},
    device::{DeviceError, GroupError},
    webhook::WebhookError,
};
use store::{AppendError, BlobError, SealedError, StoreError};

/// Why a use case ended without a result (architecture, decision 15).
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Values that are not acceptable: all that were found.
    #[error("{}", sentences(.0))]
    Invalid(Vec<FieldError>),
    /// The rules say no.
    #[error(transparent)]
    Refused(Refusal),
    /// Values that must be unique and belong to others: all of them.
    #[error("{} of the values are taken", .0.len())]
    Taken(Vec<TakenValue>),
    /// The organization has as many devices as it may have.
    #[error("organization {organization} may not have more devices")]
    LimitReached {
        /// Its name.
        organization: String,
    },
    /// It does not exist, or not for the one who asks. Holds the model's name at the compatible edges.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Known to exist, but not allowed.
    #[error("you do not have permission to perform this action")]
    Forbidden,
    /// Nobody known asked.
    #[error("authentication credentials are missing or wrong")]
    Unauthenticated,
    /// Somebody else changed the same thing; asking again is safe.
    #[error("changed by someone else at the same time: try again")]
    Busy,
    /// Somebody has changed it since the actor looked at it.
    #[error("the object has been changed since you read it: read it again")]
    Stale,
    /// Too often.
    #[error("too many requests: try again later")]
    RateLimited,
    /// Too often by one account or from one address; the next time after this.
    #[error("too many failed attempts: try again in {} seconds", .0.as_secs())]
    Throttled(std::time::Duration),
    /// The database cannot be written at present.
    #[error("temporarily unavailable: try again later")]
    Unavailable,
    /// This installation shows what was.
    #[error("nothing can be changed here: this installation shows what was")]
    ReadOnly,
    /// Our fault.
    #[error("something went wrong on our side")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What the rules refuse, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not served.
    #[error("the device is deactivated: activate it first")]
    DeviceDeactivated,
    /// It is served already.
    #[error("the device is active already")]
    DeviceAlreadyActive,
    /// Only deactivated devices are removed without force.
    #[error("The device must be deactivated prior to deletion")]
    DeviceStillActive,
    /// Generic templates must say something.
    #[error("The configuration field cannot be empty.")]
    EmptyTemplate,
    /// Templates of other organizations.
    #[error("The following templates are owned by organizations which do not match the organization of this configuration: {}", .names.join(", "))]
    ForeignTemplates {
        /// Their names.
        names: Vec<String>,
    },
    /// Groups hold neither default nor required templates.
    #[error("default and required templates cannot be in a group: {}", .names.join(", "))]
    DefaultTemplatesInGroup {
        /// Their names.
        names: Vec<String>,
    },
    /// A shared template has the name.
    #[error(
        "There is already another shared template with this name. Shared objects are visible to all organizations and must have unique names to avoid confusion."
    )]
    SharedTemplateName,
    /// The organization has more devices than the limit would allow.
    #[error(
        "the limit cannot be lower than the {devices} devices that the organization has: remove devices first"
    )]
    LimitBelowDevices {
        /// How many it has.
        devices: u64,
    },
    /// Contents that the generator's schema refuses.
    #[error("Invalid configuration triggered by \"#{path}\", validator says:\n\n{message}")]
    InvalidConfiguration {
        /// `config` of a template, `config.config` of a device.
        field: &'static str,
        /// JSON pointer to the place.
        path: String,
        /// What is wrong there.
        message: String,
    },
    /// A value that devices would read as more than it is.
    #[error(
        "Invalid configuration triggered by \"#{path}\": {message}. Everything is written as it is: take quotes and line ends out of values, and out of names what is no letter, digit or underscore."
    )]
    AddsOptions {
        /// What holds the value: `config` of a template, `config.config` or `config.context` of a device, `context` of others.
        field: &'static str,
        /// JSON pointer to the value, or its place in the files.
        path: String,
        /// What it adds, without the value.
        message: String,
    },
    /// Contents that fit alone but not with the templates.
    #[error("There is a conflict with the specified templates. {message}")]
    TemplateConflict {
        /// What is wrong.
        message: String,
    },
    /// The account does not work.
    #[error("User inactive or deleted.")]
    InactiveUser,
    /// It exists already.
    #[error("an object with this id exists already")]
    Exists,
    /// The idempotency key belongs to something else.
    #[error("the request's id was used for a different request: choose a new one")]
    KeyReused,
    /// Groups of other organizations hold the template.
    #[error("device groups of other organizations have this template: take it out of them first")]
    ListedElsewhere,
    /// Its organization cannot be changed.
    #[error("the organization cannot be changed: create a new one there")]
    OrganizationFixed,
    /// Tokens that go less far than their account do not concern the account itself.
    #[error(
        "with a token that goes less far than its account nothing is done to the account itself: log in with the password"
    )]
    NarrowToken,
    /// A token makes none that lives longer.
    #[error("the token that you use ends before: choose an earlier end")]
    OutlivesToken,
    /// The account has as many tokens as it may have.
    #[error("the user has too many tokens: revoke one first")]
    TooManyTokens,
    /// The account has as many open operations on many devices as it may have.
    #[error(
        "{most} of your operations are open, which is as many as may be: wait until one has ended, or cancel one"
    )]
    TooManyOperations {
        /// How many there may be.
        most: u32,
    },
    /// The organization, or the installation, has as many webhooks as it may have.
    #[error("there are {most} webhooks, which is as many as may be: remove one first")]
    TooManyWebhooks {
        /// How many there may be.
        most: u32,
    },
    /// The account has as many addresses as it may have.
    #[error("the user has too many e-mail addresses: remove one first")]
    TooManyAddresses,
    /// The account belongs to as many organizations as it may.
    #[error("the user belongs to too many organizations")]
    TooManyMemberships,
    /// The account has the address already.
    #[error("Email address with this User and Email address already exists.")]
    AddressListed,
    /// An organization's owner stays its manager, and keeps the account.
    #[error("the user owns an organization: hand it over to another manager first")]
    IsOwner,
    /// Somebody has to be able to do everything.
    #[error("nobody else may do everything: make somebody else a superuser first")]
    LastSuperuser,
    /// Only managers own organizations.
    #[error("the user is not a manager of the organization: make them one first")]
    NotAManager,
    /// The present password was asked for, and another one given.
    #[error("Your old password was entered incorrectly. Please enter it again.")]
    WrongPassword,
    /// A new password is another one.
    #[error("New password cannot be the same as your old password.")]
    SamePassword,
    /// A new password is none of the last ones.
    #[error("was one of the last passwords: choose another one")]
    FormerPassword,
    /// Permissions are given by those who hold them.
    #[error("you cannot give permissions that you do not have")]
    NotHeld,
    /// A mailed link that was used, is too old, or belongs to what is not valid any more.
    #[error("the link is not valid any more: ask for another one")]
    InvalidLink,
    /// Nothing can be mailed.
    #[error(
        "this server sends no mail: its operator has to set mail.smtp_host and http.public_url"
    )]
    NoMail,
    /// The password is too old: everything else waits until another one is chosen.
    #[error("your password has expired: choose another one")]
    PasswordExpired,
    /// Nobody puts themselves into permission groups.
    #[error("you cannot change your own permissions")]
    OwnPermissions,
}

/// A value that another object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenValue {
    /// Kind of the claim, one of `domain::kind`.
    pub kind: String,
    /// As claimed; a secret's is its fingerprint.
    pub value: String,
}

fn sentences(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Failure {
    /// One refused value.
    pub fn field(field: &'static str, problem: domain::Problem) -> Self {
        Self::Invalid(vec![FieldError::new(field, problem)])
    }

    /// Fine when nothing was found.
    pub(crate) fn unless_empty(errors: Vec<FieldError>) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self::Invalid(errors)) }
    }

    /// The answer to a denial: what must not be known of does not exist.
    pub(crate) fn denied(denied: Denied, model: &'static str) -> Self {
        match denied {
            Denied::Forbidden => Self::Forbidden,
            Denied::Hidden => Self::NotFound(model),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Unavailable,
            StoreError::ReadOnly => Self::ReadOnly,
            error => Self::Broken(Box::new(error)),
        }
    }
}

impl From<SealedError> for Failure {
    fn from(error: SealedError) -> Self {
        match error {
            SealedError::Store(error) => error.into(),
            // A person who was erased a moment ago; organizations keep their keys.
            SealedError::Erased(_) => Self::NotFound("User"),
            error => Self::Broken(Box::new(error)),
        }
    }
}

impl From<BlobError> for Failure {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Store(error) => error.into(),
            error => Self::Broken(Box::new(error)),
        }
    }
}

/// What is left of an append's failure when conflicts were retried.
impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict { .. } | AppendError::Unknown(_) => Self::Busy,
            AppendError::Taken(taken) => Self::Taken(
                taken
                    .into_iter()
                    .map(|taken| TakenValue { kind: taken.claim.kind, value: taken.claim.value })
                    .collect(),
            ),
            // The use case knows the name.
            AppendError::Limited(_) => Self::LimitReached { organization: String::new() },
            AppendError::Unavailable(_) => Self::Unavailable,
            AppendError::KeyReused => Self::Refused(Refusal::KeyReused),
            AppendError::Store(error) => error.into(),
            error => Self::Broken(Box::new(error)),
        }
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Unknown => Self::NotFound("Device"),
            DeviceError::AlreadyRegistered => Self::Refused(Refusal::Exists),
            DeviceError::Deactivated => Self::Refused(Refusal::DeviceDeactivated),
            DeviceError::AlreadyActive => Self::Refused(Refusal::DeviceAlreadyActive),
            DeviceError::StillActive => Self::Refused(Refusal::DeviceStillActive),
            DeviceError::Invalid(error) => Self::Invalid(vec![error]),
        }
    }
}

impl From<GroupError> for Failure {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Unknown => Self::NotFound("DeviceGroup"),
            GroupError::Exists => Self::Refused(Refusal::Exists),
            GroupError::Invalid(error) => Self::Invalid(vec![error]),
        }
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        match error {
            TemplateError::Unknown => Self::NotFound("Template"),
            TemplateError::Exists => Self::Refused(Refusal::Exists),
            TemplateError::EmptyContents => Self::Refused(Refusal::EmptyTemplate),
            TemplateError::Invalid(error) => Self::Invalid(vec![error]),
        }
    }
}

impl From<ConfigurationError> for Failure {
    fn from(error: ConfigurationError) -> Self {
        match error {
            ConfigurationError::Unknown => Self::NotFound("Config"),
            ConfigurationError::Exists => Self::Refused(Refusal::Exists),
            ConfigurationError::Deactivated => Self::Refused(Refusal::DeviceDeactivated),
            ConfigurationError::Invalid(error) => Self::Invalid(vec![error]),
        }
    }
}

impl From<OrganizationError> for Failure {
    fn from(error: OrganizationError) -> Self {
        match error {
            OrganizationError::Unknown => Self::NotFound("Organization"),
            OrganizationError::Exists => Self::Refused(Refusal::Exists),
            OrganizationError::Invalid(error) => Self::Invalid(vec![error]),
            OrganizationError::LimitBelowDevices { devices } => {
                Self::Refused(Refusal::LimitBelowDevices { devices })
            }
        }
    }
}

impl From<UserError> for Failure {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Unknown => Self::NotFound("User"),
            UserError::Exists => Self::Refused(Refusal::Exists),
            UserError::TooManyTokens => Self::Refused(Refusal::TooManyTokens),
            UserError::TooManyAddresses => Self::Refused(Refusal::TooManyAddresses),
            UserError::TooManyMemberships => Self::Refused(Refusal::TooManyMemberships),
            UserError::AddressListed => Self::Refused(Refusal::AddressListed),
            UserError::IsOwner => Self::Refused(Refusal::IsOwner),
            UserError::NotAManager => Self::Refused(Refusal::NotAManager),
            UserError::NotAMember => Self::NotFound("OrganizationUser"),
            UserError::UnknownAddress => Self::NotFound("EmailAddress"),
            UserError::InvalidLink => Self::Refused(Refusal::InvalidLink),
            UserError::Invalid(error) => Self::Invalid(vec![error]),
        }
    }
}

impl From<WebhookError> for Failure {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Unknown => Self::NotFound("Webhook"),
            WebhookError::Exists => Self::Refused(Refusal::Exists),
            WebhookError::Invalid(error) => Self::Invalid(vec![error]),
        }
    }
}

impl From<SecretReadingError> for Failure {
    fn from(error: SecretReadingError) -> Self {
        Self::Broken(Box::new(error))
    }
}

impl From<LogInError> for Failure {
    fn from(LogInError::Exists: LogInError) -> Self {
        Self::Refused(Refusal::Exists)
    }
}

impl From<PermissionGroupError> for Failure {
    fn from(error: PermissionGroupError) -> Self {
        match error {
            PermissionGroupError::Unknown => Self::NotFound("Group"),
            PermissionGroupError::Exists => Self::Refused(Refusal::Exists),
            PermissionGroupError::Invalid(error) => Self::Invalid(vec![error]),
        }
    }
}
