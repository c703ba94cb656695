//! Reads what the rows of a page refer to, each kind with one statement per page.
//!
//! One set of loaders per request: what is visible depends on who asks.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use app::{App, BulkJob, By, CausingEvent, Failure, JobId};
use async_graphql::dataloader::{DataLoader, Loader};
use domain::{DeviceId, GroupId, OrganizationId, TemplateId};
use projections::{
    configuration::ConfigurationRow, device::DeviceRow, group::GroupRow,
    organization::OrganizationRow, template::TemplateRow,
};

use secrecy::SecretString;

use super::batches::Queue;

/// What of one request is read in batches.
pub(super) struct Loaders {
    app: App,
    by: By,
}

/// Ids at once; a longer list becomes several questions.
const BATCH: usize = 500;

impl Loaders {
    pub(super) fn new(app: App, by: By, queue: Queue) -> DataLoader<Self> {
        // A queue that is gone has nobody left who waits.
        let read = move |batch| queue.unbounded_send(batch).is_ok();
        DataLoader::new(Self { app, by }, read).delay(Duration::ZERO).max_batch_size(BATCH)
    }
}

/// Errors are shared by all that waited for the batch.
pub(super) type Shared = Arc<Failure>;

fn keyed<K: Eq + Hash, R>(
    rows: Result<Vec<R>, Failure>,
    key: impl Fn(&R) -> K,
) -> Result<HashMap<K, R>, Shared> {
    match rows {
        Ok(rows) => Ok(rows.into_iter().map(|row| (key(&row), row)).collect()),
        // Who may see none sees none.
        Err(Failure::Forbidden | Failure::NotFound(_)) => Ok(HashMap::new()),
        Err(failure) => Err(Arc::new(failure)),
    }
}

impl Loader<DeviceId> for Loaders {
    type Value = DeviceRow;
    type Error = Shared;

    async fn load(&self, ids: &[DeviceId]) -> Result<HashMap<DeviceId, DeviceRow>, Shared> {
        keyed(self.app.devices().rows(&self.by, ids).await, |row| row.id)
    }
}

impl Loader<OrganizationId> for Loaders {
    type Value = OrganizationRow;
    type Error = Shared;

    async fn load(
        &self,
        ids: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, OrganizationRow>, Shared> {
        keyed(self.app.organizations().rows(&self.by, ids).await, |row| row.id)
    }
}

impl Loader<GroupId> for Loaders {
    type Value = GroupRow;
    type Error = Shared;

    async fn load(&self, ids: &[GroupId]) -> Result<HashMap<GroupId, GroupRow>, Shared> {
        keyed(self.app.groups().rows(&self.by, ids).await, |row| row.id)
    }
}

impl Loader<TemplateId> for Loaders {
    type Value = TemplateRow;
    type Error = Shared;

    async fn load(&self, ids: &[TemplateId]) -> Result<HashMap<TemplateId, TemplateRow>, Shared> {
        keyed(self.app.templates().rows(&self.by, ids).await, |row| row.id)
    }
}

/// What a device proves itself with: one reading for all devices of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyOf(pub(super) DeviceId);

impl Loader<KeyOf> for Loaders {
    type Value = SecretString;
    type Error = Shared;

    async fn load(&self, keys: &[KeyOf]) -> Result<HashMap<KeyOf, SecretString>, Shared> {
        let ids: Vec<DeviceId> = keys.iter().map(|key| key.0).collect();
        let found = self.app.devices().keys(&self.by, &ids).await.map_err(Arc::new)?;
        Ok(found.into_iter().map(|(id, key)| (KeyOf(id), key)).collect())
    }
}

/// What agents of an organization register with: one reading for all organizations of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SharedSecretOf(pub(super) OrganizationId);

impl Loader<SharedSecretOf> for Loaders {
    type Value = SecretString;
    type Error = Shared;

    async fn load(
        &self,
        keys: &[SharedSecretOf],
    ) -> Result<HashMap<SharedSecretOf, SecretString>, Shared> {
        let ids: Vec<OrganizationId> = keys.iter().map(|key| key.0).collect();
        let found = self.app.organizations().shared_secrets(&self.by, &ids).await;
        let found = found.map_err(Arc::new)?;
        Ok(found.into_iter().map(|(id, secret)| (SharedSecretOf(id), secret)).collect())
    }
}

/// The configuration of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ConfigurationOf(pub(super) DeviceId);

impl Loader<ConfigurationOf> for Loaders {
    type Value = ConfigurationRow;
    type Error = Shared;

    async fn load(
        &self,
        keys: &[ConfigurationOf],
    ) -> Result<HashMap<ConfigurationOf, ConfigurationRow>, Shared> {
        let ids: Vec<DeviceId> = keys.iter().map(|key| key.0).collect();
        let rows = self.app.configurations().of(&self.by, &ids).await;
        keyed(rows, |row| ConfigurationOf(row.device_id))
    }
}

/// The templates of a device's configuration, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TemplatesOf(pub(super) DeviceId);

impl Loader<TemplatesOf> for Loaders {
    type Value = Vec<TemplateId>;
    type Error = Shared;

    async fn load(
        &self,
        keys: &[TemplatesOf],
    ) -> Result<HashMap<TemplatesOf, Vec<TemplateId>>, Shared> {
        let ids: Vec<DeviceId> = keys.iter().map(|key| key.0).collect();
        let found = self.app.configurations().templates_of(&ids).await.map_err(Arc::new)?;
        Ok(found.into_iter().map(|(device, templates)| (TemplatesOf(device), templates)).collect())
    }
}

/// The event at a position that made others necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CauseAt(pub(super) i64);

impl Loader<CauseAt> for Loaders {
    type Value = CausingEvent;
    type Error = Shared;

    async fn load(&self, keys: &[CauseAt]) -> Result<HashMap<CauseAt, CausingEvent>, Shared> {
        let positions: Vec<i64> = keys.iter().map(|key| key.0).collect();
        let found = self.app.history().causes(&self.by, &positions).await;
        keyed(found, |cause| CauseAt(cause.entry.position))
    }
}

impl Loader<JobId> for Loaders {
    type Value = BulkJob;
    type Error = Shared;

    /// Events of one page come from few operations.
    async fn load(&self, ids: &[JobId]) -> Result<HashMap<JobId, BulkJob>, Shared> {
        let mut found = HashMap::new();
        for id in ids {
            match self.app.bulk().job(&self.by, *id).await {
                Ok(job) => drop(found.insert(*id, job)),
                Err(Failure::Forbidden | Failure::NotFound(_)) => {}
                Err(failure) => return Err(Arc::new(failure)),
            }
        }
        Ok(found)
    }
}
