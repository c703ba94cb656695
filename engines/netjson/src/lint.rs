//! Values that a device reads as more than they are.
//!
//! Values go into UCI text as they are, because devices in service rely on it. So a value with a
//! quote and a line end can bring options and sections of its own. Every value, list item, option
//! name, section name, type and package name is read back by UCI's rules: alone, between quotes and
//! lines that nothing else disturbs, and, where quotes of several values may work together, as the
//! whole package.
//!
//! Where nothing is found, a device reads exactly the planned sections and options.

mod finding;
mod place;
mod probe;
#[cfg(test)]
mod tests;
mod token;

use std::collections::HashMap;

use serde_json::Value;

pub use self::finding::{Effect, Extra, Finding, Obstacle};
use self::place::Places;
use self::probe::Verdict;
use self::token::Token;
use crate::openwrt::{Package, Style};
use crate::uci::{Document, Reason, Section};
use crate::{Backend, Error, Input, openwrt, planned, render};

/// Findings of one rendering that are told; further ones are left out.
pub const MAX_FINDINGS: usize = 100;

/// Renders and says which values a device would read as other sections or options than planned.
///
/// # Errors
///
/// Those of [`render`](crate::render()).
pub fn lint(backend: Backend, input: &Input<'_>) -> Result<Vec<Finding>, Error> {
    Ok(render(backend, input)?.findings())
}

/// What the text `value` would add if it were the value of an option: for variables, of which
/// nobody knows yet where they will stand.
pub fn lint_variable(value: &Value) -> Vec<Extra> {
    // A text that becomes the item of a list is written no other way.
    let text = crate::literal::text(value);
    if text.len() > crate::limits::MAX_TEXT {
        return Vec::new();
    }
    match probe::value(&text, false, Style::Bare) {
        Verdict::Adds(extras) => extras,
        Verdict::Plain | Verdict::Breaks(_) => Vec::new(),
    }
}

/// What is found in the packages that were made of `netjson`.
pub(crate) fn findings(netjson: &Value, packages: &[Package], style: Style) -> Vec<Finding> {
    let mut places = None;
    let mut findings = Vec::new();
    for package in packages {
        let begin = findings.len();
        let mut disturbed = false;
        token::each_suspicious(package, |token| {
            if findings.len() >= MAX_FINDINGS {
                return;
            }
            let effect = match probe::token(&token, style) {
                Verdict::Plain => return,
                Verdict::Adds(extras) => Effect::Adds(extras),
                Verdict::Breaks(obstacle) => Effect::Breaks(obstacle),
            };
            disturbed = true;
            let places = places.get_or_insert_with(|| Places::of(netjson));
            findings.push(finding(package, &token, places.find(&token), effect));
        });
        if disturbed {
            accuse(package, style, &mut findings[begin..]);
        }
        findings.extend(retyped(package));
        findings.truncate(MAX_FINDINGS);
    }
    findings
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

/// Quotes of several values that only disturb alone may bring something together. A device that
/// cannot read the package reads nothing of it.
fn accuse(package: &Package, style: Style, findings: &mut [Finding]) {
    let body = openwrt::body(package, style);
    let Ok(read) = Document::read_package(&package.name, &body) else { return };
    let extras = probe::beyond(&planned::package(package), read.packages.first());
    if extras.is_empty() || findings.iter().any(Finding::adds) {
        return;
    }
    for finding in findings {
        finding.effect = Effect::Adds(extras.clone());
    }
}
