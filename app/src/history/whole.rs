//! A device together with everything that it names, as it was at a position.

use domain::{DeviceId, TemplateId};
use store::Store;

use super::{
    at::{ConfigurationAt, DeviceAt, GroupAt, GroupLink, TemplateAt},
    fold::{ConfigurationPast, DevicePast, OrganizationPast, Past as _, Stream, replay},
};
use crate::Failure;

/// What the archive of a device was made of.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) position: i64,
    pub(super) id: DeviceId,
    pub(super) device: DevicePast,
    pub(super) configuration: Option<ConfigurationPast>,
    /// Of the configuration, first to last; those that did not exist any more are left out.
    pub(super) templates: Vec<TemplateAt>,
    pub(super) group: Option<GroupAt>,
    pub(super) organization: Option<OrganizationPast>,
}

impl Whole {
    /// Folds the device's own streams and then those that it names; none where there was no such device.
    pub(super) async fn read(
        store: &Store,
        id: DeviceId,
        position: i64,
    ) -> Result<Option<Self>, Failure> {
        let (mut device, mut configuration) = (None, None);
        let own = [DevicePast::KIND, ConfigurationPast::KIND].map(|kind| (kind, id.as_uuid()));
        replay(store, &own, &[], position, |_, when, event| {
            DevicePast::apply(&mut device, when, event);
            ConfigurationPast::apply(&mut configuration, when, event);
        })
        .await?;
        let Some(device) = device else { return Ok(None) };

        let used: Vec<TemplateId> = configuration
            .as_ref()
            .map(|configuration: &ConfigurationPast| configuration.templates.clone())
            .unwrap_or_default();
        let mut streams: Vec<Stream> =
            used.iter().map(|id| (TemplateAt::KIND, id.as_uuid())).collect();
        streams.push((OrganizationPast::KIND, device.organization_id.as_uuid()));
        streams.extend(device.group_id.map(|id| (GroupAt::KIND, id.as_uuid())));
        let mut templates: Vec<Option<TemplateAt>> = vec![None; used.len()];
        let (mut group, mut organization) = (None, None);
        replay(store, &streams, &[], position, |number, when, event| {
            if let Some(template) = templates.get_mut(number) {
                TemplateAt::apply(template, when, event);
            } else {
                GroupAt::apply(&mut group, when, event);
                OrganizationPast::apply(&mut organization, when, event);
            }
        })
        .await?;
        let templates = templates.into_iter().flatten().collect();
        Ok(Some(Self { position, id, device, configuration, templates, group, organization }))
    }

    /// Which archive the device had.
    pub(super) fn sha256(&self) -> Option<&str> {
        let own = self.configuration.as_ref()?;
        own.archive.as_ref().map(|archive| archive.rendered.sha256.as_str())
    }

    /// What may be shown of it.
    pub(super) fn shown(self) -> DeviceAt {
        let Self { position, id, device, configuration, templates, group, organization } = self;
        DeviceAt {
            position,
            id,
            organization_id: device.organization_id,
            organization_name: organization.map(|owner| owner.name).unwrap_or_default(),
            name: device.name,
            mac_address: device.mac_address,
            hardware_id: device.hardware_id,
            information: device.information,
            notes: device.notes,
            group: group.map(|group| GroupLink { id: group.id, name: group.name }),
            active: device.active,
            management_ip: device.management_ip,
            created_at: device.created_at,
            modified_at: device.modified_at,
            configuration: configuration.map(|own| ConfigurationAt {
                backend: own.backend,
                config: own.config,
                variables: own.variables,
                templates: templates.iter().map(TemplateAt::link).collect(),
                status: own.status,
                error_reason: own.error_reason,
                archive: own.archive,
                failure: own.failure,
                created_at: own.created_at,
                modified_at: own.modified_at,
            }),
        }
    }
}
