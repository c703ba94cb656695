use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Claim, ClaimChange, Document, Fact, GroupId, OrganizationId, TemplateId, fact::stored_as, kind,
};

/// What has happened to a device group. Stored for ever: variants and fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupEvent {
    /// The group exists from here on.
    Created(GroupCreated),
    /// It carries another name.
    Renamed {
        /// The owner.
        organization_id: OrganizationId,
        /// Before.
        from: String,
        /// From here on.
        to: String,
    },
    /// It is described differently.
    DescriptionChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// From here on.
        description: String,
    },
    /// Its configuration variables were changed. *Public.*
    VariablesChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// All of them.
        variables: Document,
    },
    /// Its meta data were changed.
    MetaDataChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// All of them.
        meta_data: Document,
    },
    /// Its devices get other templates. *Public.*
    TemplatesChanged {
        /// The owner.
        organization_id: OrganizationId,
        /// Before.
        from: Vec<TemplateId>,
        /// From here on.
        to: Vec<TemplateId>,
    },
    /// It does not exist any more; its devices are in no group. *Public.*
    Removed {
        /// The owner.
        organization_id: OrganizationId,
    },
}

stored_as! { GroupEvent:
    Created => "device_group.created",
    Renamed => "device_group.renamed",
    DescriptionChanged => "device_group.description_changed",
    VariablesChanged => "device_group.variables_changed",
    MetaDataChanged => "device_group.meta_data_changed",
    TemplatesChanged => "device_group.templates_changed",
    Removed => "device_group.removed",
}

/// Payload of [`GroupEvent::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupCreated {
    /// Same as the stream's id.
    pub group_id: GroupId,
    /// The owner.
    pub organization_id: OrganizationId,
    /// Unique inside the organization.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Templates of its devices, in order.
    pub templates: Vec<TemplateId>,
    /// Configuration variables.
    pub variables: Document,
    /// Whatever operators keep with a group.
    pub meta_data: Document,
}

impl Fact for GroupEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        let name = |scope: OrganizationId, name: &str| {
            Claim::new(kind::GROUP_NAME, Some(scope.as_uuid()), name)
        };
        match self {
            Self::Created(created) => {
                vec![ClaimChange::Take(name(created.organization_id, &created.name))]
            }
            Self::Renamed { organization_id, from, to } => vec![
                ClaimChange::Release(name(*organization_id, from)),
                ClaimChange::Take(name(*organization_id, to)),
            ],
            Self::Removed { .. } => vec![ClaimChange::ReleaseAll],
            Self::DescriptionChanged { .. }
            | Self::VariablesChanged { .. }
            | Self::MetaDataChanged { .. }
            | Self::TemplatesChanged { .. } => Vec::new(),
        }
    }

    fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::Created(GroupCreated { organization_id, .. })
            | Self::Renamed { organization_id, .. }
            | Self::DescriptionChanged { organization_id, .. }
            | Self::VariablesChanged { organization_id, .. }
            | Self::MetaDataChanged { organization_id, .. }
            | Self::TemplatesChanged { organization_id, .. }
            | Self::Removed { organization_id } => Some(*organization_id),
        }
    }
}
