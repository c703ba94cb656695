//! Reading a whole package back, for what its pieces do together.
//!
//! Whatever a device takes from the text has to stand in the plan, in the plan's order; a section
//! that is left out leaves its options to the one before, and they are extras there. Scripts on
//! devices read on after errors (`uci -S`, Lua), so what only strict readers refuse counts.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::finding::{Extra, Extras, Told};
use super::probe::{self, Verdict};
use crate::openwrt::{Package, Style};
use crate::uci::{self, Command, Setting};
use crate::{literal, planned, render};

/// Where something stands in the plan.
type Place = usize;

/// Commands of a package in their order, by what they say.
#[derive(Default)]
struct Plan {
    length: Place,
    sections: HashMap<(String, String), Vec<Place>>,
    /// Of the section at a place, with its name, whether it is a list, and its value; no value where
    /// quotes break it, so that any may be read.
    options: HashMap<(Place, String, bool, Option<String>), Vec<Place>>,
    /// Options with their values, wherever they stand.
    anywhere: HashSet<(String, bool, String)>,
}

impl Plan {
    fn of(package: &Package) -> Self {
        let mut plan = Self::default();
        for options in package.sections.iter().filter_map(Value::as_object) {
            plan.add(options);
        }
        plan
    }

    fn add(&mut self, options: &Map<String, Value>) {
        let word = |key| options.get(key).map(literal::text).unwrap_or_default();
        let section = self.step();
        self.sections.entry((word(".type"), word(".name"))).or_default().push(section);
        for (option, value) in options.iter().filter(|(key, _)| !key.starts_with('.')) {
            let (values, list) = match planned::setting(value) {
                // It is not written.
                Some(Setting::Option(_)) if value.as_str() == Some("") => continue,
                None => continue,
                Some(Setting::Option(_)) => (vec![written(value)], false),
                Some(Setting::List(items)) => (items, true),
            };
            for text in values {
                let place = self.step();
                let read = match probe::value(&text, list) {
                    Verdict::Plain { value } => Some(value),
                    Verdict::Adds(_) | Verdict::Breaks(_) => None,
                };
                if let Some(value) = &read {
                    self.anywhere.insert((option.clone(), list, value.clone()));
                }
                let key = (section, option.clone(), list, read);
                self.options.entry(key).or_default().push(place);
            }
        }
    }

    fn step(&mut self) -> Place {
        self.length += 1;
        self.length - 1
    }
}

/// The text of an option, before it is cleaned up.
fn written(value: &Value) -> String {
    match value {
        Value::Bool(flag) => u8::from(*flag).to_string(),
        other => literal::text(other),
    }
}

/// The first of these places from `next` on.
fn from(places: Option<&Vec<Place>>, next: Place) -> Option<Place> {
    let places = places?;
    places.get(places.partition_point(|place| *place < next)).copied()
}

/// What a device reads that stands neither in the plan nor in `told`.
pub(super) fn extras(package: &Package, style: Style, told: &HashSet<Told<'_>>) -> Vec<Extra> {
    let mut reading = Reading {
        plan: Plan::of(package),
        told,
        next: 0,
        kind: String::new(),
        name: None,
        section: None,
        strange: false,
        extras: Extras::default(),
    };
    let text = render::package_file(package, style);
    uci::commands(&package.name, &text, |command| match command {
        Command::Section { kind, name } => reading.section(kind, name),
        Command::Option { name, value, list } => reading.option(name, value, list),
    });
    reading.extras.into_told()
}

/// What is known at one command of the text.
struct Reading<'a> {
    plan: Plan,
    told: &'a HashSet<Told<'a>>,
    /// Whatever is still to come in the plan stands here or later.
    next: Place,
    kind: String,
    name: Option<String>,
    /// Where the section stands that options belong to.
    section: Option<Place>,
    /// Whether it is an extra that was told: what is planned and ends up there goes with it.
    strange: bool,
    extras: Extras,
}

impl Reading<'_> {
    fn section(&mut self, kind: String, name: Option<String>) {
        let key = (kind, name.clone().unwrap_or_default());
        self.section = from(self.plan.sections.get(&key), self.next);
        (self.kind, self.name) = (key.0, name);
        self.strange = false;
        if let Some(place) = self.section {
            self.next = place + 1;
            return;
        }
        let extra = Extra::section(&self.kind, self.name.as_deref());
        self.strange = self.told.contains(&extra.told(None));
        if !self.strange {
            self.extras.push(extra);
        }
    }

    fn option(&mut self, name: String, value: String, list: bool) {
        if let Some(section) = self.section {
            let any = (section, name, list, None);
            let broken = from(self.plan.options.get(&any), self.next);
            let exact = (any.0, any.1, any.2, Some(value));
            let place = from(self.plan.options.get(&exact), self.next);
            if let Some(place) = place.into_iter().chain(broken).min() {
                self.next = place + 1;
                return;
            }
            let (_, name, _, value) = exact;
            return self.unplanned((name, list, value.unwrap_or_default()));
        }
        self.unplanned((name, list, value));
    }

    fn unplanned(&mut self, option: (String, bool, String)) {
        let misplaced = self.plan.anywhere.contains(&option);
        if misplaced && self.strange {
            return;
        }
        let (option, list, value) = option;
        let section = Some((self.kind.as_str(), self.name.as_deref()));
        let extra = if misplaced {
            Extra::misplaced(section, &option)
        } else {
            Extra::option(section, &option, &value, list)
        };
        if !self.told.contains(&extra.told(None)) {
            self.extras.push(extra);
        }
    }
}
