//! Values that a device reads as more than they are.
//!
//! Values go into UCI text as they are, because devices in service rely on it. So a value with a
//! quote and a line end can bring options and sections of its own. Every value, list item, option
//! name, section name, type and package name is read back by UCI's rules: alone, between quotes and
//! lines that nothing else disturbs, and, where a piece is not read as itself, in the whole package.
//! Both as readers that go on after errors do, which bring in more than those that do not.
//!
//! Where nothing is found, a device reads exactly the planned sections and options; where nothing is
//! found that adds, no others.

mod finding;
mod place;
mod probe;
#[cfg(test)]
mod tests;
mod token;
mod whole;

use std::collections::HashMap;

use serde_json::Value;

pub use self::finding::{Effect, Extra, Finding, Obstacle, beyond};
use self::place::Places;
use self::probe::Verdict;
use self::token::Token;
use crate::openwrt::{Package, Style};
use crate::uci::{Reason, Section};
use crate::{Backend, Error, Input, planned, render};

/// Findings of one rendering that are told, of those that add and of those that do not; further ones
/// are left out.
pub const MAX_FINDINGS: usize = 100;

/// Pieces of a package that are accused together.
const MAX_ACCUSED: usize = 10;

/// Renders and says which values a device would read as other sections or options than planned.
///
/// # Errors
///
/// Those of [`render`](crate::render()).
pub fn lint(backend: Backend, input: &Input<'_>) -> Result<Vec<Finding>, Error> {
    Ok(render(backend, input)?.findings())
}

/// What `value` would add if its text were the value of an option: for variables, of which nobody
/// knows yet where they will stand. Lists and objects have the text with which they are put in.
pub fn lint_variable(value: &Value) -> Vec<Extra> {
    // A text that becomes the item of a list is written no other way.
    let text = crate::literal::text(value);
    if text.len() > crate::limits::MAX_TEXT {
        return Vec::new();
    }
    match probe::value(&text, false) {
        Verdict::Adds(extras) => extras,
        Verdict::Plain { .. } | Verdict::Breaks(_) => Vec::new(),
    }
}

/// What is found in the packages that were made of `netjson`.
pub(crate) fn findings(netjson: &Value, packages: &[Package], style: Style) -> Vec<Finding> {
    let mut places = None;
    let mut all = Findings::default();
    for package in packages {
        let mut disturbed = false;
        let mut found = Findings { left: all.left, ..Findings::default() };
        token::each_suspicious(package, |token| {
            let effect = match probe::token(&token, style) {
                Verdict::Plain { .. } => return,
                Verdict::Adds(extras) if token.is_value() || extras == [Extra::ZERO] => {
                    Effect::Adds(extras)
                }
                // What comes of names depends on what is around them.
                Verdict::Adds(_) => Effect::Breaks(Obstacle::Unreadable(Reason::Name)),
                Verdict::Breaks(obstacle) => Effect::Breaks(obstacle),
            };
            // What is not there disturbs nothing.
            disturbed |= effect != Effect::Breaks(Obstacle::Emptied);
            if found.has_room(&effect) {
                let places = places.get_or_insert_with(|| Places::of(netjson));
                found.push(finding(package, &token, places.find(&token), effect));
            }
        });
        if disturbed {
            accuse(package, style, &mut found);
        }
        all.left = found.left;
        all.list.append(&mut found.list);
        for finding in retyped(package) {
            if all.has_room(&finding.effect) {
                all.push(finding);
            }
        }
    }
    all.list
}

/// Findings, and how many more there may be that add and that do not.
struct Findings {
    list: Vec<Finding>,
    left: [usize; 2],
}

impl Default for Findings {
    fn default() -> Self {
        Self { list: Vec::new(), left: [MAX_FINDINGS; 2] }
    }
}

impl Findings {
    fn has_room(&self, effect: &Effect) -> bool {
        self.left[usize::from(matches!(effect, Effect::Adds(_)))] > 0
    }

    fn push(&mut self, finding: Finding) {
        self.left[usize::from(finding.adds())] -= 1;
        self.list.push(finding);
    }
}

/// Sections that take the name of one of another type, which no device accepts.
fn retyped(package: &Package) -> Vec<Finding> {
    let mut kinds = HashMap::new();
    let mut findings = Vec::new();
    for Section { kind, name, .. } in planned::package(package).sections {
        let Some(name) = name else { continue };
        if *kinds.entry(name.clone()).or_insert_with(|| kind.clone()) != kind {
            findings.push(Finding {
                pointer: None,
                package: package.name.clone(),
                section: Some(name),
                option: None,
                effect: Effect::Breaks(Obstacle::Unreadable(Reason::TypeChanged)),
            });
        }
    }
    findings
}

fn finding(package: &Package, token: &Token<'_>, place: Option<String>, effect: Effect) -> Finding {
    Finding {
        pointer: place,
        package: package.name.clone(),
        section: token.section_name(),
        option: token.option_name(),
        effect,
    }
}

/// Pieces that only disturb alone may bring something together, or with what follows them.
fn accuse(package: &Package, style: Style, findings: &mut Findings) {
    let told = findings.list.iter().flat_map(Finding::told).map(|(_, extra)| extra).collect();
    let extras = whole::extras(package, style, &told);
    if extras.is_empty() {
        return;
    }
    let disturbing = |finding: &&mut Finding| !finding.adds();
    let mut accused = false;
    for finding in findings.list.iter_mut().filter(disturbing).take(MAX_ACCUSED) {
        finding.effect = Effect::Adds(extras.clone());
        accused = true;
    }
    let effect = Effect::Adds(extras);
    if !accused && findings.has_room(&effect) {
        let package = package.name.clone();
        findings.push(Finding { pointer: None, package, section: None, option: None, effect });
    }
}
