//! Who put what where: every part of a device's configuration, and the event that it is there because of.
//!
//! A part is blamed on the latest of three events: since which its layer has it, written as it is now; since which the device has
//! the layer; since which nothing else takes its place. Just before that event, the part was not there, or not of this layer.

mod prevails;
mod since;
mod variables;

use domain::{DeviceId, Permission, Problem, TemplateId};
use netjson::Part;
use projections::{Place, Stretch, Stretched};
use serde_json::Value;

use self::{
    prevails::{Claim, Claimed, Prevails},
    since::{Since, Watch, Watched},
    variables::Sources,
};
use super::{
    History,
    at::{TemplateAt, TemplateLink},
    lists::{MOST_EVENTS, cut, too_much},
    require,
    whole::Whole,
};
use crate::{By, Failure, Moment, Refusal, configurations::hostname};

/// Where a host name stands.
const HOSTNAME: &str = "/general/hostname";

/// A part of a device's configuration and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Blamed {
    /// Where it stands in the configuration that the layers make together, a JSON pointer (RFC 6901).
    pub pointer: String,
    /// As it is written there: before variables are put in.
    pub written: Value,
    /// What it comes from.
    pub source: BlamedSource,
    /// Position of the event that it is there because of; see [`History::causes`].
    pub position: Option<i64>,
    /// Position of the event since which the layer has it.
    pub written_at: Option<i64>,
    /// Position of the event since which the device has the template; none of what is the device's own.
    pub assigned_at: Option<i64>,
    /// Position of the event since which nothing else takes its place.
    pub prevails_at: Option<i64>,
    /// The variables that it is written with.
    pub variables: Vec<BlamedVariable>,
}

/// What a part comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlamedSource {
    /// The device's own configuration.
    Device,
    /// The device's name, which is its host name unless its own configuration says one.
    DeviceName,
    /// A template, as far as the actor may see it.
    Template(Option<TemplateLink>),
}

/// A variable and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlamedVariable {
    /// Between braces.
    pub name: String,
    /// What gives it its value.
    pub source: VariableSource,
    /// The template that does, as far as the actor may see it.
    pub template: Option<TemplateLink>,
    /// Position of the event that its value is there because of; none where no event is behind it.
    pub position: Option<i64>,
}

/// What gives a variable its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableSource {
    /// The device's own variables.
    Device,
    /// What every device has: id, key, name, addresses.
    Predefined,
    /// Its group.
    Group,
    /// Its organization.
    Organization,
    /// The settings of the program.
    Settings,
    /// A default value of a template.
    Template,
    /// Nothing: the text stays as it is.
    Unset,
}

/// What is watched of a part: where it is written, the template's assignment, that nothing takes its place, and variables.
type PartWatched = (Watched, Option<Watched>, Claimed, Vec<variables::Source>);

/// What has a place on the list.
#[derive(Clone)]
enum Stands {
    Part(Part),
    Name(String),
}

impl Stands {
    fn pointer(&self) -> &str {
        match self {
            Self::Part(part) => &part.pointer,
            Self::Name(_) => HOSTNAME,
        }
    }
}

impl History<'_> {
    /// The parts of a device's configuration at a moment, in their order, as far as their pointers begin with `pointer`, each with
    /// the event that it is there because of. Refuses layers that do not fit together.
    pub async fn blame(
        &self,
        by: &By,
        id: DeviceId,
        at: Moment,
        pointer: &str,
        stretch: &Stretch,
    ) -> Result<Stretched<Blamed>, Failure> {
        let escaped = |token: &str| {
            let mut rest = token.split('~').skip(1);
            rest.all(|it| it.starts_with(['0', '1']))
        };
        if !(pointer.is_empty() || pointer.starts_with('/') && escaped(pointer)) {
            let problem = "must be a JSON pointer (RFC 6901): empty, or \"/\" and what is below, such as /interfaces/0";
            return Err(Failure::field("pointer", Problem::Rule(problem.to_owned())));
        }
        let whole = self.whole(by, id, at, "at").await?;
        let Some(own) = &whole.configuration else { return Err(Failure::NotFound("Config")) };
        let mut parts = self.parts(&whole).await?;
        let name = hostname(&own.config, &whole.device.name);
        if name.is_some() {
            parts.retain(|part| part.pointer != HOSTNAME);
        }
        let mut stands: Vec<Stands> = parts.into_iter().map(Stands::Part).collect();
        stands.extend(name.map(Stands::Name));
        let inside = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // What is asked for may be inside of a part.
        let below = |it: &Stands| inside(it.pointer(), pointer) || inside(pointer, it.pointer());
        stands.retain(below);
        let numbers = (0_i64..).zip(&stands).map(|(number, _)| (number, id.as_uuid())).collect();
        let listed = cut(numbers, stretch, whole.position);
        let page: Vec<Stands> = listed
            .rows
            .iter()
            .filter_map(|(place, _)| match place.value {
                store::Arg::Int(Some(number)) => stands.get(usize::try_from(number).ok()?).cloned(),
                _ => None,
            })
            .collect();
        let blamed = self.blamed(by, &whole, page).await?;
        let Stretched { rows, more, count, position } = listed;
        let rows = rows.into_iter().zip(blamed);
        let rows: Vec<(Place, Blamed)> = rows.map(|((place, _), it)| (place, it)).collect();
        Ok(Stretched { rows, more, count, position })
    }

    async fn parts(&self, whole: &Whole) -> Result<Vec<Part>, Failure> {
        let Some(own) = &whole.configuration else { return Ok(Vec::new()) };
        let unfit = |message: String| Failure::Refused(Refusal::TemplateConflict { message });
        let backend = own.backend.parse::<netjson::Backend>();
        let backend = backend.map_err(|error| unfit(error.to_string()))?;
        let mut layers: Vec<_> = whole.templates.iter().map(|it| it.config.clone()).collect();
        layers.push(own.config.clone());
        let permit = self.0.render_permits().acquire_owned().await;
        let traced = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            netjson::trace(backend, &layers.iter().collect::<Vec<_>>())
        });
        let traced = traced.await.map_err(|error| Failure::Broken(Box::new(error)))?;
        traced.map_err(|error| unfit(error.to_string()))
    }

    /// What is on the page, with the events.
    async fn blamed(
        &self,
        by: &By,
        whole: &Whole,
        page: Vec<Stands>,
    ) -> Result<Vec<Blamed>, Failure> {
        let sources = Sources::of(whole, &self.0.settings().controller);
        let (mut since, mut prevails) = (Since::default(), Prevails::default());
        let watched: Vec<PartWatched> = page
            .iter()
            .map(|stands| match stands {
                Stands::Name(_) => {
                    (since.watch(Watch::Name), None, prevails.claim(Claim::Name), Vec::new())
                }
                Stands::Part(part) => {
                    let template = whole.templates.get(part.layer).map(|it| it.id);
                    let assigned = template.map(|id| since.watch(Watch::Assigned(id)));
                    let written = since.watch(Watch::Written(template, part.clone()));
                    let variables = part.variables().into_iter();
                    let claimed = prevails.claim(Claim::Part(template, part.clone()));
                    let variables =
                        variables.map(|name| sources.watched(&mut since, &mut prevails, name));
                    (written, assigned, claimed, variables.collect())
                }
            })
            .collect();
        let (store, mut left) = (self.0.store(), MOST_EVENTS);
        if !(since.read(store, whole, &mut left).await?
            && prevails.read(store, whole, &mut left).await?)
        {
            return Err(too_much("at", whole.position));
        }
        let shown = |id: TemplateId| {
            let template = whole.templates.iter().find(|template| template.id == id)?;
            may_see(by, template).then(|| template.link())
        };
        let at = |watched: Watched| since.at(watched);
        let told = |(stands, (written, assigned, claimed, variables)): (Stands, PartWatched)| {
            let (written_at, assigned_at) = (at(written), assigned.and_then(at));
            let prevails_at = prevails.at(claimed);
            let (pointer, written, source) = match stands {
                Stands::Name(name) => (HOSTNAME.to_owned(), name.into(), BlamedSource::DeviceName),
                Stands::Part(part) => {
                    let source = match whole.templates.get(part.layer) {
                        Some(template) => BlamedSource::Template(shown(template.id)),
                        None => BlamedSource::Device,
                    };
                    (part.pointer, part.written, source)
                }
            };
            Blamed {
                pointer,
                written,
                source,
                // Without one of them there would be nothing.
                position: written_at.max(assigned_at).max(prevails_at),
                written_at,
                assigned_at,
                prevails_at,
                variables: variables
                    .into_iter()
                    .map(|source| BlamedVariable {
                        position: source
                            .watched
                            .into_iter()
                            .filter_map(at)
                            .chain(source.claimed.and_then(|claimed| prevails.at(claimed)))
                            .max(),
                        template: source.template.and_then(shown),
                        source: source.kind,
                        name: source.name,
                    })
                    .collect(),
            }
        };
        Ok(page.into_iter().zip(watched).map(told).collect())
    }
}

fn may_see(by: &By, template: &TemplateAt) -> bool {
    require(by, Permission::ViewTemplate, template.organization_id, "Template").is_ok()
}
