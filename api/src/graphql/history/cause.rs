//! Why something happened: the event or the operation that made it necessary.

use app::{BulkJob, CausingEvent, JobId, ObjectRef};
use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result};

use super::events::HistoryEvent;
use crate::graphql::{bulk::BulkOperation, error::shared, loaders::CauseAt, request::loaders};

/// What made an event necessary.
pub(in crate::graphql) enum HistoryCause {
    Event(Box<CausingEvent>),
    Operation(Box<BulkJob>),
}

/// What kind of thing a cause happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
enum CauseKind {
    /// A device or its configuration, most often the same device's.
    Device,
    /// A device group.
    DeviceGroup,
    /// An operation on many devices.
    Operation,
    /// A group of permissions.
    PermissionGroup,
    /// An organization.
    Organization,
    /// A template.
    Template,
    /// An account.
    User,
    /// An address to which events are delivered.
    Webhook,
}

#[ComplexObject]
impl HistoryEvent {
    /// What made it necessary, such as the change of a template that an archive was made for. Causes have causes. Null where
    /// somebody just wanted it, where the viewer may not see the cause, and where it is forgotten.
    #[graphql(complexity = "2 + child_complexity")]
    async fn cause(&self, ctx: &Context<'_>) -> Result<Option<HistoryCause>> {
        if let Some(position) = self.cause_position {
            let found = loaders(ctx)?.load_one(CauseAt(position)).await.map_err(shared)?;
            return Ok(found.map(|event| HistoryCause::Event(Box::new(event))));
        }
        let job = self.causation.as_deref().and_then(|cause| cause.strip_prefix("job:"));
        let Some(id) = job.and_then(|id| id.parse::<JobId>().ok()) else { return Ok(None) };
        let found = loaders(ctx)?.load_one(id).await.map_err(shared)?;
        Ok(found.map(|job| HistoryCause::Operation(Box::new(job))))
    }
}

impl HistoryCause {
    /// The event at a position, as far as the viewer may see it.
    pub(in crate::graphql) async fn at(
        ctx: &Context<'_>,
        position: Option<i64>,
    ) -> Result<Option<Self>> {
        let Some(position) = position else { return Ok(None) };
        let found = loaders(ctx)?.load_one(CauseAt(position)).await.map_err(shared)?;
        Ok(found.map(|event| Self::Event(Box::new(event))))
    }
}

/// What made an event necessary.
#[Object]
impl HistoryCause {
    /// For people, in one line: `template "wifi": configuration changed`.
    async fn sentence(&self) -> String {
        match self {
            Self::Event(cause) => {
                let noun = match cause.object {
                    ObjectRef::Device(_) => "device",
                    ObjectRef::Group(_) => "device group",
                    ObjectRef::Organization(_) => "organization",
                    ObjectRef::Template(_) => "template",
                    ObjectRef::User(_) => "account",
                    ObjectRef::PermissionGroup(_) => "permission group",
                    ObjectRef::Webhook(_) => "webhook",
                };
                let name = match &cause.name {
                    Some(name) => format!("\"{name}\""),
                    None => id(cause.object),
                };
                format!("{noun} {name}: {}", cause.entry.sentence)
            }
            Self::Operation(job) => {
                format!("operation on many devices: {}", job.operation.name().replace('_', " "))
            }
        }
    }

    /// What it happened to.
    async fn kind(&self) -> CauseKind {
        match self {
            Self::Operation(_) => CauseKind::Operation,
            Self::Event(cause) => match cause.object {
                ObjectRef::Device(_) => CauseKind::Device,
                ObjectRef::Group(_) => CauseKind::DeviceGroup,
                ObjectRef::Organization(_) => CauseKind::Organization,
                ObjectRef::Template(_) => CauseKind::Template,
                ObjectRef::User(_) => CauseKind::User,
                ObjectRef::PermissionGroup(_) => CauseKind::PermissionGroup,
                ObjectRef::Webhook(_) => CauseKind::Webhook,
            },
        }
    }

    /// The id of that.
    async fn object_id(&self) -> ID {
        match self {
            Self::Event(cause) => id(cause.object).into(),
            Self::Operation(job) => job.id.to_string().into(),
        }
    }

    /// What that was called then; null of operations and accounts.
    async fn name(&self) -> Option<&str> {
        match self {
            Self::Event(cause) => cause.name.as_deref(),
            Self::Operation(_) => None,
        }
    }

    /// The event; null of operations.
    async fn event(&self) -> Option<HistoryEvent> {
        match self {
            Self::Event(cause) => Some(cause.entry.clone().into()),
            Self::Operation(_) => None,
        }
    }

    /// The operation; null of events.
    async fn operation(&self) -> Option<BulkOperation> {
        match self {
            Self::Event(_) => None,
            Self::Operation(job) => Some(BulkOperation((**job).clone())),
        }
    }
}

fn id(object: ObjectRef) -> String {
    match object {
        ObjectRef::Device(id) => id.to_string(),
        ObjectRef::Group(id) => id.to_string(),
        ObjectRef::Organization(id) => id.to_string(),
        ObjectRef::Template(id) => id.to_string(),
        ObjectRef::User(id) => id.to_string(),
        ObjectRef::PermissionGroup(id) => id.to_string(),
        ObjectRef::Webhook(id) => id.to_string(),
    }
}
