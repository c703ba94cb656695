//! What devices share: templates, groups, organizations.

use domain::{
    Document, Event, OrganizationId, accounts::OrganizationEvent, configuration::TemplateEvent,
    device::GroupEvent,
};

use super::{Past, When};
use crate::history::at::{GroupAt, TemplateAt};

/// What a device takes from its organization.
#[derive(Clone, Debug)]
pub(in crate::history) struct OrganizationPast {
    pub(in crate::history) id: OrganizationId,
    pub(in crate::history) name: String,
    pub(in crate::history) variables: Document,
}

impl Past for OrganizationPast {
    const KIND: &'static str = "organization";

    fn apply(past: &mut Option<Self>, _: When, event: &Event) {
        let Event::Organization(event) = event else { return };
        match (past.as_mut(), event) {
            (_, OrganizationEvent::Created(created)) => {
                *past = Some(Self {
                    id: created.organization_id,
                    name: created.name.clone(),
                    variables: created.variables.clone(),
                });
            }
            (Some(organization), OrganizationEvent::Renamed { to, .. }) => {
                organization.name.clone_from(to);
            }
            (Some(organization), OrganizationEvent::VariablesChanged { variables, .. }) => {
                organization.variables.clone_from(variables);
            }
            (_, OrganizationEvent::RemovalStarted { .. } | OrganizationEvent::Removed { .. }) => {
                *past = None;
            }
            _ => {}
        }
    }
}

impl Past for GroupAt {
    const KIND: &'static str = "device_group";

    fn apply(past: &mut Option<Self>, when: When, event: &Event) {
        let Event::Group(event) = event else { return };
        if let Some(group) = past {
            group.modified_at = when.at;
        }
        match (past.as_mut(), event) {
            (_, GroupEvent::Created(created)) => {
                *past = Some(Self {
                    id: created.group_id,
                    organization_id: created.organization_id,
                    name: created.name.clone(),
                    description: created.description.clone(),
                    templates: created.templates.clone(),
                    variables: created.variables.clone(),
                    meta_data: created.meta_data.clone(),
                    created_at: when.at,
                    modified_at: when.at,
                });
            }
            (_, GroupEvent::Removed { .. }) => *past = None,
            (None, _) => {}
            (Some(group), GroupEvent::Renamed { to, .. }) => group.name.clone_from(to),
            (Some(group), GroupEvent::DescriptionChanged { description, .. }) => {
                group.description.clone_from(description);
            }
            (Some(group), GroupEvent::VariablesChanged { variables, .. }) => {
                group.variables.clone_from(variables);
            }
            (Some(group), GroupEvent::MetaDataChanged { meta_data, .. }) => {
                group.meta_data.clone_from(meta_data);
            }
            (Some(group), GroupEvent::TemplatesChanged { to, .. }) => {
                group.templates.clone_from(to);
            }
        }
    }
}

impl Past for TemplateAt {
    const KIND: &'static str = "template";

    fn apply(past: &mut Option<Self>, when: When, event: &Event) {
        let Event::Template(event) = event else { return };
        if let Some(template) = past {
            template.modified_at = when.at;
        }
        match (past.as_mut(), event) {
            (_, TemplateEvent::Created(created)) => {
                *past = Some(Self {
                    id: created.template_id,
                    organization_id: created.organization_id,
                    name: created.name.clone(),
                    backend: created.backend.as_str().to_owned(),
                    config: created.config.clone(),
                    default_values: created.default_values.clone(),
                    tags: created.tags.clone(),
                    flags: created.flags,
                    notes: created.notes.clone(),
                    created_at: when.at,
                    modified_at: when.at,
                });
            }
            (_, TemplateEvent::Removed { .. }) => *past = None,
            (None, _) => {}
            (Some(template), TemplateEvent::Renamed { to, .. }) => template.name.clone_from(to),
            (Some(template), TemplateEvent::ContentsChanged { config, .. }) => {
                template.config.clone_from(config);
            }
            (Some(template), TemplateEvent::DefaultValuesChanged { default_values, .. }) => {
                template.default_values.clone_from(default_values);
            }
            (Some(template), TemplateEvent::TagsChanged { tags, .. }) => {
                template.tags.clone_from(tags);
            }
            (Some(template), TemplateEvent::FlagsChanged { to, .. }) => template.flags = *to,
            (Some(template), TemplateEvent::NotesChanged { notes, .. }) => {
                template.notes.clone_from(notes);
            }
            (Some(template), TemplateEvent::Moved { to, .. }) => template.organization_id = *to,
            (Some(template), TemplateEvent::BackendChanged { to, .. }) => {
                to.as_str().clone_into(&mut template.backend);
            }
        }
    }
}
