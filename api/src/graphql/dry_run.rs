//! What a change would do to all devices that it reaches.

use app::{Change, ChangedDevice, DistinctDiff, FailedDevice, Reads};
use async_graphql::{Context, ID, Object, OneofObject, Result, SimpleObject};

use super::{
    bulk::{InputNames, StartBulkOperationInput},
    device::Device,
    error::{failure, shared},
    group::{ChangeDeviceGroupInput, RemoveDeviceGroupInput},
    history::FilesDiff,
    organization::ChangeOrganizationInput,
    request::{app, by, chosen, loaders},
    scalar::Position,
    settled::as_new_as,
    template::{ChangeTemplateInput, CreateTemplateInput, RemoveTemplateInput},
};

/// A change that reaches many devices: under the name of the mutation that would make it, the mutation's input. So a form has
/// one query for all of them, and gives it the same variable that it sends afterwards. Ids under which mutations are
/// done once have no meaning here.
#[derive(OneofObject)]
enum DryRunChange {
    /// A default or required template reaches the devices that it is for.
    CreateTemplate(Box<CreateTemplateInput>),
    /// Reaches the devices that have the template, and, where it becomes a required one, all that it is for.
    ChangeTemplate(Box<ChangeTemplateInput>),
    /// Reaches the devices that have the template.
    RemoveTemplate(RemoveTemplateInput),
    /// Reaches the devices of the group.
    ChangeDeviceGroup(Box<ChangeDeviceGroupInput>),
    /// Reaches the devices of the group.
    RemoveDeviceGroup(RemoveDeviceGroupInput),
    /// Its variables reach all devices of the organization; the rest reaches none.
    ChangeOrganization(Box<ChangeOrganizationInput>),
    /// Reaches the selected devices.
    StartBulkOperation(Box<StartBulkOperationInput>),
}

impl DryRunChange {
    fn read(self, ctx: &Context<'_>) -> Result<Change> {
        Ok(match self {
            Self::CreateTemplate(input) => {
                let id = chosen(input.id.as_ref())?
                    .map_or_else(|| app(ctx).map(app::App::new_id), Ok)?;
                Change::CreateTemplate(input.read(id)?)
            }
            Self::ChangeTemplate(input) => {
                let (id, change) = input.read()?;
                Change::ChangeTemplate(id, change)
            }
            Self::RemoveTemplate(input) => Change::RemoveTemplate(input.read()?),
            Self::ChangeDeviceGroup(input) => {
                let (id, change) = input.read()?;
                Change::ChangeGroup(id, change)
            }
            Self::RemoveDeviceGroup(input) => Change::RemoveGroup(input.read()?),
            Self::ChangeOrganization(input) => {
                let (id, change) = input.read()?;
                Change::ChangeOrganization(id, change)
            }
            Self::StartBulkOperation(input) => {
                let (selection, operation) = input.read(ctx)?;
                Change::Bulk(selection, operation)
            }
        })
    }
}

/// What a change would do. Nothing of it has happened.
struct DryRun(app::DryRun);

/// What a change would do. Nothing of it has happened.
#[Object]
impl DryRun {
    /// End of the log that it was computed at.
    async fn position(&self) -> Position {
        Position(self.0.position)
    }

    /// Nothing was written while it was computed: the change, made at this position, does exactly this.
    async fn exact(&self) -> bool {
        self.0.exact
    }

    /// How many devices the change reaches.
    async fn considered(&self) -> u64 {
        self.0.devices_considered
    }

    /// How many of them would download something else.
    async fn changed(&self) -> u64 {
        self.0.changed
    }

    /// How many of them would have inputs that make no archive, or refuse the change.
    async fn failed(&self) -> u64 {
        self.0.failed
    }

    /// How many of them would go on with the same bytes.
    async fn unchanged(&self) -> u64 {
        self.0.unchanged
    }

    /// The first 1000 devices that would download something else, by id.
    async fn changed_devices(&self) -> Vec<DryRunDevice> {
        self.0.changed_devices.iter().map(DryRunDevice::from).collect()
    }

    /// The first 100 devices that would fail.
    #[graphql(complexity = "1 + 100 * child_complexity")]
    async fn failed_devices(&self) -> Vec<DryRunFailure> {
        self.0.failed_devices.iter().cloned().map(DryRunFailure).collect()
    }

    /// The distinct differences, the most frequent first: at most 100, and 4 MiB of text.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn diffs(&self) -> Vec<DryRunDiff> {
        self.0.diffs.iter().cloned().map(DryRunDiff::from).collect()
    }

    /// How many distinct differences there are beyond those.
    async fn further_diffs(&self) -> u64 {
        self.0.further_diffs
    }
}

/// A device that would download something else.
#[derive(SimpleObject)]
struct DryRunDevice {
    /// The device.
    id: ID,
    /// Its name.
    name: String,
    /// Checksum of what it would download, 32 hexadecimal digits.
    md5: String,
}

impl From<&ChangedDevice> for DryRunDevice {
    fn from(changed: &ChangedDevice) -> Self {
        Self {
            id: changed.device.to_string().into(),
            name: changed.name.clone(),
            md5: changed.md5.clone(),
        }
    }
}

/// A device that would fail.
struct DryRunFailure(FailedDevice);

/// A device that would fail.
#[Object]
impl DryRunFailure {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.device.to_string().into()
    }

    /// The device; null where there is none that the viewer may see.
    async fn device(&self, ctx: &Context<'_>) -> Result<Option<Device>> {
        let found = loaders(ctx)?.load_one(self.0.device).await;
        Ok(found.map_err(shared)?.map(Device::Now))
    }

    /// What does not fit, for people.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Does it fail for this reason already?
    async fn already(&self) -> bool {
        self.0.already
    }
}

/// A difference that several devices would see, byte for byte.
#[derive(SimpleObject)]
struct DryRunDiff {
    /// From what they download now to what they would download.
    diff: FilesDiff,
    /// How many devices would see it.
    count: u64,
    /// The id of one of them.
    example: ID,
}

impl From<DistinctDiff> for DryRunDiff {
    fn from(DistinctDiff { diff, count, example }: DistinctDiff) -> Self {
        Self { diff: diff.into(), count, example: example.to_string().into() }
    }
}

#[derive(Default)]
pub(super) struct DryRunQuery;

#[Object]
impl DryRunQuery {
    /// What a change would do to every device that it reaches: which download something else, which fail and why, and the
    /// distinct differences. Nothing is stored. What the mutation would refuse is refused here in the same way, except
    /// that values which must be unique may be taken. Two run at once, others wait.
    #[graphql(complexity = "1000 + child_complexity")]
    async fn dry_run(
        &self,
        ctx: &Context<'_>,
        change: DryRunChange,
        min_position: Option<Position>,
    ) -> Result<DryRun> {
        as_new_as(ctx, Reads::Fleet, min_position).await?;
        let by = by(ctx)?;
        let change = change.read(ctx)?;
        let names = match &change {
            Change::Bulk(selection, operation) => Some(InputNames::of(selection, operation)),
            _ => None,
        };
        let run = app(ctx)?.previews().dry_run(by, change).await;
        run.map(DryRun).map_err(|refused| match names {
            Some(names) => failure(names.tell(refused)),
            None => failure(refused),
        })
    }
}
