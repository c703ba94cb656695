//! Registrations and polls that were refused.

use app::Refused;
use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::{
    error::{failure, refused},
    organization::Organization,
    request::{app, by, loaders},
};
use crate::graphql::error::shared;

/// Refusals of one answer at most.
const MOST: i32 = 100;

/// The same refusal, as often as it happened.
pub(super) struct RefusedRequest(Refused);

#[Object]
impl RefusedRequest {
    /// `registration` or `poll`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Such as `unrecognized_secret`, `wrong_key`, `unknown_device`.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Whose it would have been, where that is known.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        let Some(id) = self.0.organization else { return Ok(None) };
        Ok(loaders(ctx)?.load_one(id).await.map_err(shared)?.map(Organization))
    }

    /// The device's id, or the MAC address at registration; what an unknown sent is cut to 64 characters.
    async fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Where it came from.
    async fn address(&self) -> &str {
        &self.0.address
    }

    /// How often.
    async fn count(&self) -> u64 {
        self.0.count
    }

    /// The first time.
    async fn first_at(&self) -> DateTime<Utc> {
        self.0.first_at
    }

    /// The last time.
    async fn last_at(&self) -> DateTime<Utc> {
        self.0.last_at
    }
}

#[derive(Default)]
pub(super) struct RefusedQuery;

#[Object]
impl RefusedQuery {
    /// Refused registrations and polls, the newest first: why, from where, how often. Kept for the last 10,000 different
    /// ones and written down every few seconds. Those of unknown organizations are for superusers.
    #[graphql(complexity = "usize::try_from(first).unwrap_or(0).min(100) * child_complexity + 1")]
    async fn refused_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        organization_id: Option<ID>,
        device_id: Option<ID>,
    ) -> Result<Vec<RefusedRequest>> {
        if first < 0 {
            return Err(refused("first", "must not be negative"));
        }
        let limit = u32::try_from(first.min(MOST)).unwrap_or(0);
        let organization = organization_id
            .map(|id| super::scalar::uuid("organizationId", &id))
            .transpose()?
            .map(domain::OrganizationId::from_uuid);
        let device = device_id.map(|id| super::scalar::uuid("deviceId", &id)).transpose()?;
        let about = device.map(domain::DeviceId::from_uuid);
        let devices = app(ctx)?.devices();
        let found = devices.refusals_about(by(ctx)?, organization, about, limit).await;
        Ok(found.map_err(failure)?.into_iter().map(RefusedRequest).collect())
    }
}
