//! Where variables get their values from.

use domain::TemplateId;
use serde_json::Value;

use super::{
    VariableSource,
    prevails::{Claim, Claimed, Prevails},
    since::{Since, Watch, Watched},
};
use crate::{ControllerSettings, history::whole::Whole};

/// The variables of a device, by precedence; see [`Configurations::layers`](crate::Configurations).
pub(super) struct Sources<'a> {
    whole: &'a Whole,
    settings: &'a ControllerSettings,
}

/// Where a variable gets its value from, and since when.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) kind: VariableSource,
    pub(super) template: Option<TemplateId>,
    /// All of this is so since the value is what it is.
    pub(super) watched: Vec<Watched>,
    /// And nothing stronger gives it another; none where no event is behind it.
    pub(super) claimed: Option<Claimed>,
}

impl<'a> Sources<'a> {
    pub(super) fn of(whole: &'a Whole, settings: &'a ControllerSettings) -> Self {
        Self { whole, settings }
    }

    /// The strongest that gives the variable a value.
    pub(super) fn watched(
        &self,
        since: &mut Since,
        prevails: &mut Prevails,
        name: String,
    ) -> Source {
        let (kind, template, conditions) = self.source(&name);
        let watched: Vec<Watched> =
            conditions.into_iter().map(|condition| since.watch(condition)).collect();
        let claim = Claim::Variable(kind, template, name.clone());
        let claimed = (!watched.is_empty()).then(|| prevails.claim(claim));
        Source { name, kind, template, watched, claimed }
    }

    fn source(&self, name: &str) -> (VariableSource, Option<TemplateId>, Vec<Watch>) {
        let whole = self.whole;
        let named = |value: &Value| (name.to_owned(), value.clone());
        let own = whole.configuration.as_ref().and_then(|own| own.variables.get(name));
        if let Some((name, value)) = own.map(named) {
            return (VariableSource::Device, None, vec![Watch::OwnVariable(name, value)]);
        }
        if name == "hardware_id" && self.settings.hardware_id_enabled {
            return (VariableSource::Predefined, None, vec![Watch::HardwareId]);
        }
        let group = whole.group.as_ref().and_then(|group| group.variables.get(name));
        if let Some((name, value)) = group.map(named) {
            let watches = vec![Watch::GroupVariable(name, value), Watch::InGroup];
            return (VariableSource::Group, None, watches);
        }
        let organization = whole.organization.as_ref();
        let organization = organization.and_then(|owner| owner.variables.get(name));
        if let Some((name, value)) = organization.map(named) {
            let watches = vec![Watch::OrganizationVariable(name, value), Watch::InOrganization];
            return (VariableSource::Organization, None, watches);
        }
        if self.settings.context.contains_key(name) {
            return (VariableSource::Settings, None, Vec::new());
        }
        let predefined = match name {
            "id" => Some(Watch::Registered),
            "key" => Some(Watch::Key),
            "mac_address" => Some(Watch::MacAddress),
            "name" => Some(Watch::Name),
            _ => None,
        };
        if let Some(watch) = predefined {
            return (VariableSource::Predefined, None, vec![watch]);
        }
        let defaults = whole.templates.iter().rev();
        let mut defaults = defaults.filter_map(|it| Some((it.id, it.default_values.get(name)?)));
        if let Some((id, value)) = defaults.next() {
            let (name, value) = named(value);
            let watches = vec![Watch::Default(id, name, value), Watch::Assigned(id)];
            return (VariableSource::Template, Some(id), watches);
        }
        (VariableSource::Unset, None, Vec::new())
    }
}
