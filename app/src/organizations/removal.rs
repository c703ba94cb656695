//! The end of an organization: gone at once for everybody, then everything that was its is removed in the background.

use domain::{
    DeviceId, GroupId, OrganizationId, Permission, TemplateId, UserId, WebhookId,
    accounts::{Organization, OrganizationCommand, User, UserCommand},
};
use futures::{StreamExt as _, stream};
use projections::{RemovalOrder, accounts::owner_of, organization};
use store::{Op, Query, args};
use tracing::instrument;
use uuid::Uuid;

use super::{MODEL, Organizations};
use crate::{By, Done, Failure, work::decide};

/// Objects that are removed side by side: they share the disk's waits.
const AT_ONCE: usize = 16;

/// What goes with an organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrganizationContents {
    /// Devices, each with its configuration and its archive.
    pub devices: u64,
    /// Templates of its own.
    pub templates: u64,
    /// Device groups.
    pub device_groups: u64,
    /// Accounts that belong to it; they stay accounts.
    pub memberships: u64,
    /// Addresses to which its events are delivered; what is queued for them is not delivered any more.
    pub webhooks: u64,
}

impl OrganizationContents {
    /// All of them together.
    pub fn total(self) -> u64 {
        self.devices + self.templates + self.device_groups + self.memberships + self.webhooks
    }
}

/// What one page of a removal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalStep {
    /// Objects that were removed.
    pub removed: u64,
    /// Is nothing left?
    pub complete: bool,
}

/// The next objects of each kind, by id.
const DEVICES: &str = "SELECT id FROM devices WHERE organization_id = $1 ORDER BY id LIMIT $2";
const TEMPLATES: &str =
    "SELECT id FROM templates WHERE organization_id = $1 AND NOT removed ORDER BY id LIMIT $2";
const GROUPS: &str =
    "SELECT id FROM device_groups WHERE organization_id = $1 AND NOT removed ORDER BY id LIMIT $2";
const WEBHOOKS: &str = "SELECT id FROM webhooks WHERE organization_id = $1 ORDER BY id LIMIT $2";
const MEMBERS: &str =
    "SELECT user_id FROM user_memberships WHERE organization_id = $1 ORDER BY user_id LIMIT $2";

impl Organizations<'_> {
    /// What would be removed with an organization; for those who may remove it.
    pub async fn contents(
        &self,
        by: &By,
        id: OrganizationId,
    ) -> Result<OrganizationContents, Failure> {
        self.removable(by, id).await?;
        self.counted(id).await
    }

    /// Lets an organization be gone, for superusers and for its owner with the permission: from here on nobody finds it, its
    /// agents are unknown, its slug and secret are free. What was its is removed in the background.
    #[instrument(name = "organization.remove", skip_all, fields(organization.id = %id))]
    pub async fn remove(&self, by: &By, id: OrganizationId) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            self.removable(by, id).await?;
            let command = OrganizationCommand::StartRemoval;
            work.handle::<Organization>(id.as_uuid(), command).await?;
            Ok(())
        })?;
        Ok(done)
    }

    /// How many objects a removal has before it, at present.
    pub async fn left(&self, order: &RemovalOrder) -> Result<u64, Failure> {
        Ok(self.counted(order.organization_id).await?.total())
    }

    /// Removes the next objects of an organization that is gone, at most `limit` of a kind. May be repeated at any time: it
    /// looks at what there is.
    pub async fn removal_step(
        &self,
        order: &RemovalOrder,
        limit: u32,
    ) -> Result<RemovalStep, Failure> {
        let (store, id) = (self.0.store(), order.organization_id);
        if organization::by_id(store, crate::RULES, id).await?.is_some() {
            return Err(Failure::Broken("the organization is not being removed".into()));
        }
        let causes = store.identities_at(&[order.position]).await?;
        let by = &By::after("remove_organization", causes.get(&order.position));

        // First, so that nobody is told of the rest.
        let webhooks = self.next(WEBHOOKS, id, limit).await?;
        let remove = |webhook| async move {
            self.0.webhooks().remove(by, WebhookId::from_uuid(webhook)).await
        };
        let mut removed = each(webhooks, remove).await?;
        let devices = self.next(DEVICES, id, limit).await?;
        let remove = |device| async move {
            self.0.devices().remove(by, DeviceId::from_uuid(device), true).await
        };
        removed += each(devices, remove).await?;

        if removed == 0 {
            let templates = self.next(TEMPLATES, id, limit).await?;
            let remove = |template| async move {
                self.0.templates().remove(by, TemplateId::from_uuid(template)).await
            };
            removed += each(templates, remove).await?;
            let groups = self.next(GROUPS, id, limit).await?;
            let remove =
                |group| async move { self.0.groups().remove(by, GroupId::from_uuid(group)).await };
            removed += each(groups, remove).await?;
            let members = self.next(MEMBERS, id, limit).await?;
            let remove = |user| self.dismiss(by, UserId::from_uuid(user), id);
            removed += each(members, remove).await?;
        }
        if removed > 0 {
            return Ok(RemovalStep { removed, complete: false });
        }

        let forget = "DELETE FROM refusals WHERE organization_id = $1";
        store.execute(vec![Op::new(forget, args![id.as_uuid()])]).await?;
        if order.last {
            decide!(self.0, by, work => {
                work.handle::<Organization>(id.as_uuid(), OrganizationCommand::Remove).await
            })?;
        }
        Ok(RemovalStep { removed, complete: true })
    }

    /// Lets an account not belong to the organization any more, whatever it was there.
    async fn dismiss(
        &self,
        by: &By,
        user: UserId,
        organization: OrganizationId,
    ) -> Result<Done, Failure> {
        let ((), done) = decide!(self.0, by, work => {
            let owns = owner_of(self.0.store(), organization).await? == Some(user);
            let give_up = owns.then_some(UserCommand::GiveUpOwnership(organization));
            let commands = give_up.into_iter().chain([UserCommand::Leave(organization)]);
            work.handle_all::<User>(user.as_uuid(), commands.collect()).await?;
            Ok(())
        })?;
        Ok(done)
    }

    async fn removable(&self, by: &By, id: OrganizationId) -> Result<(), Failure> {
        self.organization(by, id, Permission::DeleteOrganization).await?;
        by.authority.require_ownership(id).map_err(|denied| Failure::denied(denied, MODEL))
    }

    async fn next(
        &self,
        sql: &'static str,
        id: OrganizationId,
        limit: u32,
    ) -> Result<Vec<Uuid>, Failure> {
        let query = Query::new(sql, args![id.as_uuid(), i64::from(limit)]);
        let rows = self.0.store().fetch(query).await?;
        Ok(rows.iter().map(|row| row.uuid(0)).collect::<Result<_, _>>()?)
    }

    async fn counted(&self, id: OrganizationId) -> Result<OrganizationContents, Failure> {
        let query = Query::new(
            "SELECT (SELECT count(*) FROM devices WHERE organization_id = $1),
                    (SELECT count(*) FROM templates WHERE organization_id = $1 AND NOT removed),
                    (SELECT count(*) FROM device_groups WHERE organization_id = $1 AND NOT removed),
                    (SELECT count(*) FROM user_memberships WHERE organization_id = $1),
                    (SELECT count(*) FROM webhooks WHERE organization_id = $1)",
            args![id.as_uuid()],
        );
        let rows = self.0.store().fetch(query).await?;
        let Some(row) = rows.first() else { return Ok(OrganizationContents::default()) };
        Ok(OrganizationContents {
            devices: row.int(0)?.unsigned_abs(),
            templates: row.int(1)?.unsigned_abs(),
            device_groups: row.int(2)?.unsigned_abs(),
            memberships: row.int(3)?.unsigned_abs(),
            webhooks: row.int(4)?.unsigned_abs(),
        })
    }
}

/// Removes objects, several at a time; one that is gone already is no failure.
async fn each<F>(ids: Vec<Uuid>, remove: impl Fn(Uuid) -> F) -> Result<u64, Failure>
where
    F: Future<Output = Result<Done, Failure>>,
{
    let removals: Vec<F> = ids.into_iter().map(remove).collect();
    let outcomes: Vec<_> = stream::iter(removals).buffer_unordered(AT_ONCE).collect().await;
    let mut removed = 0;
    for outcome in outcomes {
        match outcome {
            Ok(_) => removed += 1,
            // Somebody else was faster; the next page is read anew.
            Err(Failure::NotFound(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(removed)
}
