//! Everything that rendering and the agents' edge read.

use domain::Event;
use store::{Fault, Mode, Op, Projection, Recorded};

use crate::{catalogue, configuration, device, group, organization, template};

/// Fills the tables of organizations, devices, groups, templates and configurations.
#[derive(Clone, Copy, Debug, Default)]
pub struct RenderInputs;

impl Projection for RenderInputs {
    fn name(&self) -> &'static str {
        "render_inputs.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Inline
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "configuration_templates",
            "configurations",
            "device_groups",
            "devices",
            "organizations",
            "templates",
        ]
    }

    fn wants(&self, event_type: &str) -> bool {
        ["organization.", "device.", "device_group.", "template.", "configuration."]
            .iter()
            .any(|prefix| event_type.starts_with(prefix))
    }

    fn is_impersonal(&self) -> bool {
        true
    }

    fn apply(&self, recorded: &Recorded) -> Result<Vec<Op>, Fault> {
        let event = catalogue::decode(recorded)?;
        let at = At {
            id: catalogue::stream(recorded)?,
            position: recorded.position,
            time: recorded.recorded_at,
        };
        Ok(match &*event {
            Event::Organization(event) => organization::fold(at, event),
            Event::Device(event) => device::fold(at, event),
            Event::Group(event) => group::fold(at, event),
            Event::Template(event) => template::fold(at, event),
            Event::Configuration(event) => configuration::fold(at, event),
            Event::User(_)
            | Event::PermissionGroup(_)
            | Event::SecretReading(_)
            | Event::LogIn(_)
            | Event::Webhook(_)
            | Event::Gone => Vec::new(),
        })
    }
}

/// The stream, position and time of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) id: uuid::Uuid,
    pub(crate) position: i64,
    pub(crate) time: chrono::DateTime<chrono::Utc>,
}

/// A document as it is stored: compact JSON, keys in their order.
pub(crate) fn json(document: &domain::Document) -> String {
    serde_json::Value::Object(document.clone()).to_string()
}

/// A stored document; a damaged row reads as empty.
pub(crate) fn document(text: &str) -> domain::Document {
    serde_json::from_str(text).unwrap_or_default()
}
