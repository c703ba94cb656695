//! Since which event things are as they are.

use std::collections::HashMap;

use domain::{Document, GroupId, OrganizationId, TemplateId};
use netjson::Part;
use serde_json::Value;
use store::Store;

use crate::{
    Failure,
    history::{
        at::{GroupAt, TemplateAt},
        fold::{ConfigurationPast, DevicePast, OrganizationPast, Past as _, Stream, replay},
        whole::Whole,
    },
};

/// Events that change what a configuration is made of.
pub(super) const CHANGING: &[&str] = &[
    "configuration.activated",
    "configuration.contents_changed",
    "configuration.created",
    "configuration.deactivation_started",
    "configuration.moved",
    "configuration.removed",
    "configuration.templates_changed",
    "configuration.variables_changed",
    "device.group_changed",
    "device.hardware_id_changed",
    "device.key_changed",
    "device.mac_address_changed",
    "device.moved",
    "device.registered",
    "device.removed",
    "device.renamed",
    "device_group.created",
    "device_group.removed",
    "device_group.variables_changed",
    "organization.created",
    "organization.variables_changed",
    "template.contents_changed",
    "template.created",
    "template.default_values_changed",
    "template.removed",
];

/// Something that is so.
#[derive(Clone, Debug)]
pub(super) enum Watch {
    /// A part is in a template, or in the device's own configuration.
    Written(Option<TemplateId>, Part),
    /// The device has a template.
    Assigned(TemplateId),
    /// The device is called so.
    Name,
    /// It has this address.
    MacAddress,
    /// It has this key.
    Key,
    /// It has this hardware id.
    HardwareId,
    /// It is there.
    Registered,
    /// It is in its group.
    InGroup,
    /// It is in its organization.
    InOrganization,
    /// A variable of its own has this value.
    OwnVariable(String, Value),
    /// The same of its group.
    GroupVariable(String, Value),
    /// The same of its organization.
    OrganizationVariable(String, Value),
    /// A default value of a template.
    Default(TemplateId, String, Value),
}

/// A number that stands for something watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched(usize);

/// What is watched, each with the position since which it is so.
#[derive(Default)]
pub(super) struct Since(Vec<(Watch, Option<i64>)>);

/// What a stream is about.
enum State {
    Device(Option<DevicePast>),
    Own(Option<ConfigurationPast>),
    Template(Option<TemplateAt>),
    Group(Option<GroupAt>),
    Organization(Option<OrganizationPast>),
}

impl Since {
    pub(super) fn watch(&mut self, watch: Watch) -> Watched {
        self.0.push((watch, None));
        Watched(self.0.len() - 1)
    }

    /// The position since which it is so without a break.
    pub(super) fn at(&self, watched: Watched) -> Option<i64> {
        self.0.get(watched.0).and_then(|(_, since)| *since)
    }

    /// Looks at everything that happened up to the moment; no where that takes more events than are `left`.
    pub(super) async fn read(
        &mut self,
        store: &Store,
        whole: &Whole,
        left: &mut usize,
    ) -> Result<bool, Failure> {
        let mut by_stream: HashMap<Stream, Vec<usize>> = HashMap::new();
        for (number, (watch, _)) in self.0.iter().enumerate() {
            if let Some(stream) = watch.stream(whole) {
                by_stream.entry(stream).or_default().push(number);
            }
        }
        let (streams, watched): (Vec<Stream>, Vec<Vec<usize>>) = by_stream.into_iter().unzip();
        let mut states: Vec<State> = streams.iter().map(|(kind, _)| State::new(kind)).collect();
        let up_to = (whole.position, left);
        replay(store, &streams, CHANGING, up_to, |number, when, event| {
            let Some((state, watched)) = states.get_mut(number).zip(watched.get(number)) else {
                return;
            };
            match state {
                State::Device(past) => DevicePast::apply(past, when, event),
                State::Own(past) => ConfigurationPast::apply(past, when, event),
                State::Template(past) => TemplateAt::apply(past, when, event),
                State::Group(past) => GroupAt::apply(past, when, event),
                State::Organization(past) => OrganizationPast::apply(past, when, event),
            }
            for number in watched {
                let Some((watch, since)) = self.0.get_mut(*number) else { continue };
                if watch.holds(state, whole) {
                    since.get_or_insert(when.position);
                } else {
                    *since = None;
                }
            }
        })
        .await
    }
}

impl State {
    fn new(kind: &str) -> Self {
        match kind {
            DevicePast::KIND => Self::Device(None),
            ConfigurationPast::KIND => Self::Own(None),
            GroupAt::KIND => Self::Group(None),
            OrganizationPast::KIND => Self::Organization(None),
            _ => Self::Template(None),
        }
    }
}

impl Watch {
    fn stream(&self, whole: &Whole) -> Option<Stream> {
        let id = whole.id.as_uuid();
        Some(match self {
            Self::Written(Some(id), _) | Self::Default(id, ..) => (TemplateAt::KIND, id.as_uuid()),
            Self::Written(None, _) | Self::Assigned(_) | Self::OwnVariable(..) => {
                (ConfigurationPast::KIND, id)
            }
            Self::Name
            | Self::MacAddress
            | Self::Key
            | Self::HardwareId
            | Self::Registered
            | Self::InGroup
            | Self::InOrganization => (DevicePast::KIND, id),
            Self::GroupVariable(..) => {
                (GroupAt::KIND, whole.device.group_id.map(GroupId::as_uuid)?)
            }
            Self::OrganizationVariable(..) => {
                (OrganizationPast::KIND, OrganizationId::as_uuid(whole.device.organization_id))
            }
        })
    }

    /// Is it so, as far as this stream tells?
    fn holds(&self, state: &State, whole: &Whole) -> bool {
        let now = &whole.device;
        match (self, state) {
            (Self::Written(_, part), State::Template(Some(was))) => part.is_in(&was.config),
            (Self::Written(_, part), State::Own(Some(was))) => part.is_in(&was.config),
            (Self::Assigned(id), State::Own(Some(was))) => was.templates.contains(id),
            (Self::OwnVariable(name, value), State::Own(Some(was))) => {
                has(&was.variables, name, value)
            }
            (Self::Default(_, name, value), State::Template(Some(was))) => {
                has(&was.default_values, name, value)
            }
            (Self::GroupVariable(name, value), State::Group(Some(was))) => {
                has(&was.variables, name, value)
            }
            (Self::OrganizationVariable(name, value), State::Organization(Some(was))) => {
                has(&was.variables, name, value)
            }
            (watch, State::Device(Some(was))) => match watch {
                Self::Name => was.name == now.name,
                Self::MacAddress => was.mac_address == now.mac_address,
                Self::Key => was.key_fingerprint == now.key_fingerprint,
                Self::HardwareId => was.hardware_id == now.hardware_id,
                Self::InGroup => was.group_id == now.group_id,
                Self::InOrganization => was.organization_id == now.organization_id,
                _ => true,
            },
            _ => false,
        }
    }
}

fn has(variables: &Document, name: &str, value: &Value) -> bool {
    variables.get(name).is_some_and(|was| was == value)
}
