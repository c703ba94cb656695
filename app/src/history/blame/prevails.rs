//! Since which event something wins over everything else that says the same.

use std::collections::HashMap;

use domain::{GroupId, OrganizationId, TemplateId};
use netjson::Part;
use store::Store;

use super::{HOSTNAME, VariableSource, since::CHANGING};
use crate::{
    Failure,
    history::{
        at::{GroupAt, TemplateAt},
        fold::{ConfigurationPast, DevicePast, OrganizationPast, Past as _, Stream, replay},
        whole::Whole,
    },
};

/// What others may outdo.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// A part of a template, or of the device's own configuration.
    Part(Option<TemplateId>, Part),
    /// The device's name as its host name.
    Name,
    /// A variable's value, by what gives it.
    Variable(VariableSource, Option<TemplateId>, String),
}

/// A number that stands for a claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claimed(usize);

/// Claims, each with the position since which nothing outdoes it.
#[derive(Default)]
pub(super) struct Prevails(Vec<(Claim, Option<i64>)>);

/// What a layer says to a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Says {
    /// Above it, the layer takes its place.
    above: bool,
    /// Below it, the layer has its place already.
    below: bool,
}

/// One answer for each claim.
type Answers = Vec<Says>;

/// What an event changed.
enum Change {
    Own(Vec<TemplateId>, Answers),
    Device(Option<GroupId>, OrganizationId),
    Template(TemplateId, Answers),
    Group(GroupId, Answers),
    Organization(OrganizationId, Answers),
}

/// How everything stood.
#[derive(Default)]
struct State {
    list: Vec<TemplateId>,
    own: Answers,
    group: Option<GroupId>,
    organization: Option<OrganizationId>,
    templates: HashMap<TemplateId, Answers>,
    groups: HashMap<GroupId, Answers>,
    organizations: HashMap<OrganizationId, Answers>,
}

impl Prevails {
    pub(super) fn claim(&mut self, claim: Claim) -> Claimed {
        self.0.push((claim, None));
        Claimed(self.0.len() - 1)
    }

    /// The position since which it wins without a break.
    pub(super) fn at(&self, claimed: Claimed) -> Option<i64> {
        self.0.get(claimed.0).and_then(|(_, since)| *since)
    }

    /// Looks at everything that was ever above or below, up to the moment; no where that takes more events than are `left`.
    pub(super) async fn read(
        &mut self,
        store: &Store,
        whole: &Whole,
        left: &mut usize,
    ) -> Result<bool, Failure> {
        let mut changes: Vec<(i64, Change)> = Vec::new();
        let id = whole.id.as_uuid();
        let own = [(DevicePast::KIND, id), (ConfigurationPast::KIND, id)];
        let (mut device, mut configuration) = (None, None);
        let read =
            replay(store, &own, CHANGING, (whole.position, &mut *left), |number, when, event| {
                if number == 0 {
                    DevicePast::apply(&mut device, when, event);
                    let Some(device) = &device else { return };
                    changes.push((
                        when.position,
                        Change::Device(device.group_id, device.organization_id),
                    ));
                } else {
                    ConfigurationPast::apply(&mut configuration, when, event);
                    let answers =
                        self.answers(|claim| claim.heard_by_device(configuration.as_ref()));
                    let list = configuration.as_ref().map(|own| own.templates.clone());
                    changes.push((when.position, Change::Own(list.unwrap_or_default(), answers)));
                }
            });
        if !read.await? {
            return Ok(false);
        }

        let streams = mentioned(&changes);
        let mut templates: HashMap<usize, Option<TemplateAt>> = HashMap::new();
        let mut groups: HashMap<usize, Option<GroupAt>> = HashMap::new();
        let mut organizations: HashMap<usize, Option<OrganizationPast>> = HashMap::new();
        let read =
            replay(store, &streams, CHANGING, (whole.position, left), |number, when, event| {
                let Some((kind, id)) = streams.get(number) else { return };
                let change = match *kind {
                    TemplateAt::KIND => {
                        let past = templates.entry(number).or_default();
                        TemplateAt::apply(past, when, event);
                        let answers = self.answers(|claim| claim.heard_by_template(past.as_ref()));
                        Change::Template(TemplateId::from_uuid(*id), answers)
                    }
                    GroupAt::KIND => {
                        let past = groups.entry(number).or_default();
                        GroupAt::apply(past, when, event);
                        let variables = past.as_ref().map(|it| &it.variables);
                        let answers = self.answers(|claim| claim.heard_by_variables(variables));
                        Change::Group(GroupId::from_uuid(*id), answers)
                    }
                    _ => {
                        let past = organizations.entry(number).or_default();
                        OrganizationPast::apply(past, when, event);
                        let variables = past.as_ref().map(|it| &it.variables);
                        let answers = self.answers(|claim| claim.heard_by_variables(variables));
                        Change::Organization(OrganizationId::from_uuid(*id), answers)
                    }
                };
                changes.push((when.position, change));
            });
        if !read.await? {
            return Ok(false);
        }

        changes.sort_by_key(|(position, _)| *position);
        let mut state = State::default();
        for (position, change) in changes {
            state.apply(change);
            for (number, (claim, since)) in self.0.iter_mut().enumerate() {
                if state.outdoes(number, claim) {
                    *since = None;
                } else {
                    since.get_or_insert(position);
                }
            }
        }
        Ok(true)
    }

    fn answers(&self, says: impl Fn(&Claim) -> Says) -> Answers {
        self.0.iter().map(|(claim, _)| says(claim)).collect()
    }
}

/// Whatever the device ever had, each once.
fn mentioned(changes: &[(i64, Change)]) -> Vec<Stream> {
    let mut streams: Vec<Stream> = changes
        .iter()
        .flat_map(|(_, change)| match change {
            Change::Own(list, _) => {
                list.iter().map(|id| (TemplateAt::KIND, id.as_uuid())).collect()
            }
            Change::Device(group, organization) => {
                let group = group.map(|id| (GroupAt::KIND, id.as_uuid()));
                let organization = (OrganizationPast::KIND, organization.as_uuid());
                group.into_iter().chain([organization]).collect()
            }
            _ => Vec::new(),
        })
        .collect();
    streams.sort_unstable();
    streams.dedup();
    streams
}

impl Claim {
    fn heard_by_device(&self, own: Option<&ConfigurationPast>) -> Says {
        let Some(own) = own else { return Says::default() };
        match self {
            Self::Part(_, part) => Says { above: part.gives_way_to(&own.config), below: false },
            Self::Name => {
                let mut tokens = HOSTNAME.split('/').skip(1);
                let section = tokens.next().and_then(|token| own.config.get(token));
                let says =
                    section.zip(tokens.next()).is_some_and(|(it, key)| it.get(key).is_some());
                Says { above: says, below: false }
            }
            Self::Variable(..) => self.heard_by_variables(Some(&own.variables)),
        }
    }

    fn heard_by_template(&self, template: Option<&TemplateAt>) -> Says {
        let Some(template) = template else { return Says::default() };
        match self {
            Self::Part(_, part) => Says {
                above: part.gives_way_to(&template.config),
                below: part.follows(&template.config),
            },
            Self::Name => Says::default(),
            Self::Variable(..) => self.heard_by_variables(Some(&template.default_values)),
        }
    }

    fn heard_by_variables(&self, variables: Option<&domain::Document>) -> Says {
        let Self::Variable(_, _, name) = self else { return Says::default() };
        Says { above: variables.is_some_and(|them| them.contains_key(name)), below: false }
    }
}

impl State {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Own(list, answers) => (self.list, self.own) = (list, answers),
            Change::Device(group, organization) => {
                (self.group, self.organization) = (group, Some(organization));
            }
            Change::Template(id, answers) => drop(self.templates.insert(id, answers)),
            Change::Group(id, answers) => drop(self.groups.insert(id, answers)),
            Change::Organization(id, answers) => drop(self.organizations.insert(id, answers)),
        }
    }

    /// Does anything take the place of this claim? What is not there yet is outdone, too.
    fn outdoes(&self, number: usize, claim: &Claim) -> bool {
        let said = |answers: Option<&Answers>| {
            answers.and_then(|them| them.get(number)).copied().unwrap_or_default()
        };
        let own = said(Some(&self.own)).above;
        let by_templates = |template: TemplateId| {
            let Some(place) = self.list.iter().position(|id| *id == template) else { return true };
            let says = |id: &TemplateId| said(self.templates.get(id));
            self.list[..place].iter().any(|id| says(id).below)
                || self.list[place + 1..].iter().any(|id| says(id).above)
        };
        match claim {
            Claim::Part(Some(template), _) => own || by_templates(*template),
            Claim::Part(None, _) => self.list.iter().any(|id| said(self.templates.get(id)).below),
            Claim::Name => own,
            Claim::Variable(source, template, name) => {
                let group = || self.group.is_some_and(|id| said(self.groups.get(&id)).above);
                let organization =
                    || self.organization.is_some_and(|id| said(self.organizations.get(&id)).above);
                match source {
                    VariableSource::Device | VariableSource::Unset => false,
                    VariableSource::Predefined if name == "hardware_id" => own,
                    VariableSource::Group => own,
                    VariableSource::Organization => own || group(),
                    VariableSource::Settings | VariableSource::Predefined => {
                        own || group() || organization()
                    }
                    VariableSource::Template => {
                        own || group() || organization() || template.is_none_or(by_templates)
                    }
                }
            }
        }
    }
}
