//! Which devices are listed.

use app::PastFilter;
use async_graphql::{Enum, ID, InputObject, Result};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{DeviceId, GroupId, OrganizationId, TemplateId, configuration::ConfigurationStatus};
use projections::device::DeviceFilter;

use crate::graphql::{
    error::refused,
    history::not_of_the_past,
    scalar::{uuid, uuids},
};

/// Which devices are listed. What is left out filters nothing; what is given must hold all together.
#[derive(Clone, Debug, Default, PartialEq, InputObject)]
pub(in crate::graphql) struct DeviceFilterInput {
    /// Only these.
    ids: Option<Vec<ID>>,
    /// Of one of these organizations.
    organization_ids: Option<Vec<ID>>,
    /// This text somewhere in name, addresses, hardware id, model, operating system, hardware or notes, whatever the case.
    search: Option<String>,
    /// Exactly this name, whatever the case.
    name: Option<String>,
    /// Exactly this address, with the separators it was registered with.
    mac_address: Option<String>,
    /// Of this group.
    group_id: Option<ID>,
    /// In no group.
    #[graphql(default)]
    ungrouped: bool,
    /// With this template.
    template_id: Option<ID>,
    /// With a template that has this tag.
    tag: Option<String>,
    /// With a configuration of this backend.
    backend: Option<String>,
    /// With a configuration of this status.
    status: Option<ConfigurationStatusName>,
    /// Served, or not.
    active: Option<bool>,
    /// This text somewhere in the model, whatever the case.
    model: Option<String>,
    /// This text somewhere in the operating system, whatever the case.
    os: Option<String>,
    /// With an error, the device's or ours, or without.
    failing: Option<bool>,
    /// This text somewhere in that error, whatever the case.
    error: Option<String>,
    /// Heard at this moment or later.
    heard_since: Option<DateTime<Utc>>,
    /// Heard within the last so many seconds: 60 finds those that live.
    heard_within: Option<u32>,
    /// Not heard since this moment, or never.
    silent_since: Option<DateTime<Utc>>,
    /// Not heard within the last so many seconds, or never.
    silent_for: Option<u32>,
    /// Registered at this moment or later.
    created_since: Option<DateTime<Utc>>,
    /// Registered before this moment.
    created_before: Option<DateTime<Utc>>,
}

/// How a device stands to its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "ConfigurationStatus", remote = "ConfigurationStatus")]
pub(in crate::graphql) enum ConfigurationStatusName {
    /// It differs from what the device is known to run.
    Modified,
    /// The device runs it.
    Applied,
    /// The device could not apply it.
    Error,
    /// The device is to empty itself and has not said so yet.
    Deactivating,
    /// The device is not served.
    Deactivated,
}

impl DeviceFilterInput {
    /// What can be asked of the past.
    pub(in crate::graphql) fn past(mut self) -> Result<PastFilter> {
        let ids = self.ids.take().map(|ids| uuids("filter.ids", &ids)).transpose()?;
        let organizations = self.organization_ids.take();
        let organizations =
            organizations.map(|ids| uuids("filter.organizationIds", &ids)).transpose()?;
        if self != Self::default() {
            return Err(not_of_the_past("filter", "ids and organizationIds"));
        }
        let organizations =
            organizations.map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect());
        Ok(PastFilter { ids, organizations, only_shared: false })
    }

    /// Moments are told from this one on.
    pub(in crate::graphql) fn read(self, now: DateTime<Utc>) -> Result<DeviceFilter> {
        let ids = self.ids.map(|ids| uuids("filter.ids", &ids)).transpose()?;
        let organizations = self.organization_ids;
        let organizations =
            organizations.map(|ids| uuids("filter.organizationIds", &ids)).transpose()?;
        let group = self.group_id.map(|id| uuid("filter.groupId", &id)).transpose()?;
        let template = self.template_id.map(|id| uuid("filter.templateId", &id)).transpose()?;
        let ago = |seconds: u32| now - TimeDelta::seconds(seconds.into());
        let filter = DeviceFilter {
            ids: ids.map(|ids| ids.into_iter().map(DeviceId::from_uuid).collect()),
            organizations: organizations
                .map(|ids| ids.into_iter().map(OrganizationId::from_uuid).collect()),
            search: self.search,
            name: self.name,
            mac_address: self.mac_address,
            group: group.map(GroupId::from_uuid),
            ungrouped: self.ungrouped,
            templates: template.map(TemplateId::from_uuid).into_iter().collect(),
            tag: self.tag,
            backend: self.backend,
            status: self.status.map(|status| ConfigurationStatus::from(status).as_str().to_owned()),
            active: self.active,
            model_contains: self.model,
            os_contains: self.os,
            failing: self.failing,
            error_contains: self.error,
            heard_from: self.heard_since.max(self.heard_within.map(ago)),
            silent_since: match (self.silent_since, self.silent_for.map(ago)) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            created_from: self.created_since,
            created_before: self.created_before,
            ..DeviceFilter::default()
        };
        let texts = [
            ("search", &filter.search),
            ("name", &filter.name),
            ("macAddress", &filter.mac_address),
            ("tag", &filter.tag),
            ("backend", &filter.backend),
            ("model", &filter.model_contains),
            ("os", &filter.os_contains),
            ("error", &filter.error_contains),
        ];
        for (field, text) in texts {
            if text.as_deref().is_some_and(|text| text.contains('\0') || text.len() > 1000) {
                let field = format!("filter.{field}");
                return Err(refused(&field, "must be a text of at most 1000 bytes without U+0000"));
            }
        }
        Ok(filter)
    }
}
