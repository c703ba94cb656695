use domain::{
    configuration::{TemplateEvent, TemplateFlags},
    device::GroupEvent,
};

use super::Sentence;
use crate::history::names::{Names, quoted};

pub(super) fn group(event: &GroupEvent, names: &Names, at: i64) -> Sentence {
    match event {
        GroupEvent::Created(created) => {
            let templates = if created.templates.is_empty() {
                String::new()
            } else {
                format!(" with templates {}", names.templates(&created.templates, at))
            };
            Sentence::new(
                format!("group made as {}{templates}", quoted(&created.name)),
                &["organization", "name", "description", "templates", "variables", "meta_data"],
            )
        }
        GroupEvent::Renamed { from, to, .. } => renamed(from, to),
        GroupEvent::DescriptionChanged { .. } => {
            Sentence::new("description changed", &["description"])
        }
        GroupEvent::VariablesChanged { .. } => {
            Sentence::new("configuration variables changed", &["variables"])
        }
        GroupEvent::MetaDataChanged { .. } => Sentence::new("meta data changed", &["meta_data"]),
        GroupEvent::TemplatesChanged { from, to, .. } => Sentence::new(
            super::templates_changed("templates of the group", from, to, names, at),
            &["templates"],
        ),
        GroupEvent::Removed { .. } => Sentence::new("removed", &[]),
    }
}

pub(super) fn template(event: &TemplateEvent) -> Sentence {
    match event {
        TemplateEvent::Created(created) => {
            let shared = if created.organization_id.is_none() { "shared " } else { "" };
            Sentence::new(
                format!(
                    "{shared}template made as {} for {}, {}",
                    quoted(&created.name),
                    created.backend,
                    given(created.flags)
                ),
                &[
                    "organization",
                    "name",
                    "backend",
                    "config",
                    "default_values",
                    "tags",
                    "default",
                    "required",
                    "notes",
                ],
            )
        }
        TemplateEvent::Renamed { from, to, .. } => renamed(from, to),
        TemplateEvent::ContentsChanged { .. } => {
            Sentence::new("configuration changed", &["config"])
        }
        TemplateEvent::DefaultValuesChanged { .. } => {
            Sentence::new("default values changed", &["default_values"])
        }
        TemplateEvent::TagsChanged { tags, .. } => {
            let text = if tags.is_empty() {
                "tags taken away".to_owned()
            } else {
                let tags: Vec<String> = tags.iter().map(|tag| quoted(tag)).collect();
                format!("tags changed to {}", tags.join(", "))
            };
            Sentence::new(text, &["tags"])
        }
        TemplateEvent::FlagsChanged { from, to, .. } => {
            let fields: Vec<&'static str> = [
                ("default", from.is_default() != to.is_default()),
                ("required", from.is_required() != to.is_required()),
            ]
            .into_iter()
            .filter_map(|(field, changed)| changed.then_some(field))
            .collect();
            Sentence::new(format!("changed from {} to {}", given(*from), given(*to)), &fields)
        }
        TemplateEvent::NotesChanged { .. } => Sentence::new("notes changed", &["notes"]),
        TemplateEvent::Moved { to: None, .. } => {
            Sentence::new("shared with all organizations", &["organization"])
        }
        TemplateEvent::Moved { to: Some(_), .. } => {
            Sentence::new("moved to this organization", &["organization"])
        }
        TemplateEvent::BackendChanged { from, to, .. } => {
            Sentence::new(format!("backend changed from {from} to {to}"), &["backend"])
        }
        TemplateEvent::Removed { .. } => Sentence::new("removed", &[]),
    }
}

pub(super) fn renamed(from: &str, to: &str) -> Sentence {
    Sentence::new(format!("renamed from {} to {}", quoted(from), quoted(to)), &["name"])
}

fn given(flags: TemplateFlags) -> &'static str {
    match flags {
        TemplateFlags::OnDemand => "given on demand",
        TemplateFlags::Default => "given by default",
        TemplateFlags::Required => "required",
    }
}
