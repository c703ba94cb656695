use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Claim, ClaimChange, Document, Fact, OrganizationId, TemplateId, configuration::Backend,
    fact::stored_as, kind,
};

/// What has happened to a template. Stored for ever: variants and fields are only ever added.
/// A template without organization is shared by all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateEvent {
    /// The template exists from here on. *Public.*
    Created(Box<TemplateCreated>),
    /// It carries another name.
    Renamed {
        /// The owner.
        organization_id: Option<OrganizationId>,
        /// Before.
        from: String,
        /// From here on.
        to: String,
    },
    /// Its contents were changed. *Public.*
    ContentsChanged {
        /// The owner.
        organization_id: Option<OrganizationId>,
        /// `NetJSON`, all of it.
        config: Document,
    },
    /// Its variables' default values were changed. *Public.*
    DefaultValuesChanged {
        /// The owner.
        organization_id: Option<OrganizationId>,
        /// All of them.
        default_values: Document,
    },
    /// Other agents may ask for it at registration.
    TagsChanged {
        /// The owner.
        organization_id: Option<OrganizationId>,
        /// All of them.
        tags: Vec<String>,
    },
    /// New devices get it or not, may lose it or not. *Public:* existing devices get what became default or required.
    FlagsChanged {
        /// The owner.
        organization_id: Option<OrganizationId>,
        /// Before.
        from: TemplateFlags,
        /// From here on.
        to: TemplateFlags,
        /// Generator, for those who react.
        backend: Backend,
    },
    /// An operator wrote something down.
    NotesChanged {
        /// The owner.
        organization_id: Option<OrganizationId>,
        /// From here on.
        notes: String,
    },
    /// Another generator makes its files. *Public.*
    BackendChanged {
        /// The owner.
        organization_id: Option<OrganizationId>,
        /// Before.
        from: Backend,
        /// From here on.
        to: Backend,
    },
    /// It is another organization's, or everybody's. *Public:* devices of others lose it, and get it where it is a default one.
    Moved {
        /// The owner before.
        from: Option<OrganizationId>,
        /// The owner from here on.
        to: Option<OrganizationId>,
        /// Unique inside the organization.
        name: String,
    },
    /// It does not exist any more; references to it read as absent. *Public.*
    Removed {
        /// The owner.
        organization_id: Option<OrganizationId>,
    },
}

stored_as! { TemplateEvent:
    Created => "template.created",
    Renamed => "template.renamed",
    ContentsChanged => "template.contents_changed",
    DefaultValuesChanged => "template.default_values_changed",
    TagsChanged => "template.tags_changed",
    FlagsChanged => "template.flags_changed",
    NotesChanged => "template.notes_changed",
    BackendChanged => "template.backend_changed",
    Moved => "template.moved",
    Removed => "template.removed",
}

/// Payload of [`TemplateEvent::Created`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateCreated {
    /// Same as the stream's id.
    pub template_id: TemplateId,
    /// The owner; none is shared.
    pub organization_id: Option<OrganizationId>,
    /// Unique inside the organization.
    pub name: String,
    /// Generator of its files.
    pub backend: Backend,
    /// `NetJSON`.
    pub config: Document,
    /// Default values of variables.
    pub default_values: Document,
    /// What agents ask for at registration.
    pub tags: Vec<String>,
    /// Who gets it.
    pub flags: TemplateFlags,
    /// What operators wrote down.
    pub notes: String,
}

/// Who gets a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateFlags {
    /// Those it is given to.
    #[default]
    OnDemand,
    /// Every new device; it may be taken away.
    Default,
    /// Every device, always; required ones are default ones too.
    Required,
}

impl TemplateFlags {
    /// From the two switches that clients know; `required` includes `default`.
    pub fn new(default: bool, required: bool) -> Self {
        match (required, default) {
            (true, _) => Self::Required,
            (false, true) => Self::Default,
            (false, false) => Self::OnDemand,
        }
    }

    /// Do new devices get it?
    pub fn is_default(self) -> bool {
        self != Self::OnDemand
    }

    /// Can it not be taken away?
    pub fn is_required(self) -> bool {
        self == Self::Required
    }
}

impl Fact for TemplateEvent {
    const TYPES: &'static [&'static str] = Self::STORED;

    fn claims(&self, _: Uuid) -> Vec<ClaimChange> {
        let name = |scope: &Option<OrganizationId>, name: &str| {
            Claim::new(kind::TEMPLATE_NAME, scope.map(OrganizationId::as_uuid), name)
        };
        match self {
            Self::Created(created) => {
                vec![ClaimChange::Take(name(&created.organization_id, &created.name))]
            }
            Self::Renamed { organization_id, from, to } => vec![
                ClaimChange::Release(name(organization_id, from)),
                ClaimChange::Take(name(organization_id, to)),
            ],
            Self::Moved { from, to, name: held } => {
                vec![ClaimChange::Release(name(from, held)), ClaimChange::Take(name(to, held))]
            }
            Self::Removed { .. } => vec![ClaimChange::ReleaseAll],
            Self::ContentsChanged { .. }
            | Self::DefaultValuesChanged { .. }
            | Self::TagsChanged { .. }
            | Self::FlagsChanged { .. }
            | Self::NotesChanged { .. }
            | Self::BackendChanged { .. } => Vec::new(),
        }
    }

    fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::Created(created) => created.organization_id,
            Self::Renamed { organization_id, .. }
            | Self::ContentsChanged { organization_id, .. }
            | Self::DefaultValuesChanged { organization_id, .. }
            | Self::TagsChanged { organization_id, .. }
            | Self::FlagsChanged { organization_id, .. }
            | Self::BackendChanged { organization_id, .. }
            | Self::NotesChanged { organization_id, .. }
            | Self::Removed { organization_id } => *organization_id,
            Self::Moved { to, .. } => *to,
        }
    }
}
