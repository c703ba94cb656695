//! A device together with everything that it names, as it was at a position.

use std::collections::HashMap;

use domain::{DeviceId, GroupId, OrganizationId, TemplateId};
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
        let mut left = usize::MAX;
        let found = Self::read_many(store, &[id], position, &mut left).await?;
        Ok(found.and_then(|mut found| found.pop().flatten()))
    }

    /// The same for several, in their order; nothing where that takes more events than are `left`.
    pub(super) async fn read_many(
        store: &Store,
        ids: &[DeviceId],
        position: i64,
        left: &mut usize,
    ) -> Result<Option<Vec<Option<Self>>>, Failure> {
        let mut own: Vec<(Option<DevicePast>, Option<ConfigurationPast>)> =
            ids.iter().map(|_| (None, None)).collect();
        let kinds = [DevicePast::KIND, ConfigurationPast::KIND];
        let streams: Vec<Stream> =
            ids.iter().flat_map(|id| kinds.map(|kind| (kind, id.as_uuid()))).collect();
        let whole = replay(store, &streams, &[], (position, left), |number, when, event| {
            if let Some((device, configuration)) = own.get_mut(number / kinds.len()) {
                DevicePast::apply(device, when, event);
                ConfigurationPast::apply(configuration, when, event);
            }
        })
        .await?;
        if !whole {
            return Ok(None);
        }
        let Some(named) = Named::read(store, &own, position, left).await? else { return Ok(None) };
        let together = |(id, (device, configuration)): (&DeviceId, (_, _))| {
            let (device, configuration): (Option<DevicePast>, Option<ConfigurationPast>) =
                (device, configuration);
            let device = device?;
            let used = configuration.iter().flat_map(|own| &own.templates);
            Some(Self {
                position,
                id: *id,
                templates: used.filter_map(|id| named.templates.get(id).cloned()).collect(),
                group: device.group_id.and_then(|id| named.groups.get(&id).cloned()),
                organization: named.organizations.get(&device.organization_id).cloned(),
                device,
                configuration,
            })
        };
        Ok(Some(ids.iter().zip(own).map(together).collect()))
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

/// What devices name.
#[derive(Default)]
struct Named {
    templates: HashMap<TemplateId, TemplateAt>,
    groups: HashMap<GroupId, GroupAt>,
    organizations: HashMap<OrganizationId, OrganizationPast>,
}

impl Named {
    async fn read(
        store: &Store,
        own: &[(Option<DevicePast>, Option<ConfigurationPast>)],
        position: i64,
        left: &mut usize,
    ) -> Result<Option<Self>, Failure> {
        let mut streams: Vec<Stream> = Vec::new();
        for (device, configuration) in own {
            // Configurations of devices that are gone are gone, too.
            let Some(device) = device else { continue };
            let used = configuration.iter().flat_map(|own| &own.templates);
            streams.extend(used.map(|id| (TemplateAt::KIND, id.as_uuid())));
            streams.extend(device.group_id.map(|id| (GroupAt::KIND, id.as_uuid())));
            streams.push((OrganizationPast::KIND, device.organization_id.as_uuid()));
        }
        streams.sort_unstable();
        streams.dedup();
        let mut found: Vec<(Option<TemplateAt>, Option<GroupAt>, Option<OrganizationPast>)> =
            streams.iter().map(|_| (None, None, None)).collect();
        let whole = replay(store, &streams, &[], (position, left), |number, when, event| {
            if let Some((template, group, organization)) = found.get_mut(number) {
                TemplateAt::apply(template, when, event);
                GroupAt::apply(group, when, event);
                OrganizationPast::apply(organization, when, event);
            }
        })
        .await?;
        if !whole {
            return Ok(None);
        }
        let mut named = Self::default();
        for (template, group, organization) in found {
            named.templates.extend(template.map(|it| (it.id, it)));
            named.groups.extend(group.map(|it| (it.id, it)));
            named.organizations.extend(organization.map(|it| (it.id, it)));
        }
        Ok(Some(named))
    }
}
