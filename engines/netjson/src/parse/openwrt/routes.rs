//! Sections `route`, `route6`, `rule` and `rule6` of `network`: `routes` and `ip_rules`.

use super::addresses::prefix;
use super::{Section, Source, Types};
use crate::Unreadable;

const ROUTE: Types = Types { integers: &[], booleans: &["onlink"] };
const RULE: Types = Types { integers: &["tos", "goto"], booleans: &["invert"] };

pub(super) fn read(source: &mut Source<'_>) -> Result<(), Unreadable> {
    let mut routes = Vec::new();
    let wanted = |kind: &str| matches!(kind, "route" | "route6");
    for (number, mut section) in source.take_numbered("network", wanted) {
        route(&mut section)?;
        name(&mut section, "route", number, routes.len(), source);
        routes.push((section.line, section.options));
    }
    source.state("routes", routes);

    let mut rules = Vec::new();
    let wanted = |kind: &str| matches!(kind, "rule" | "rule6");
    for (number, mut section) in source.take_numbered("network", wanted) {
        section.convert(RULE)?;
        name(&mut section, "rule", number, rules.len(), source);
        rules.push((section.line, section.options));
    }
    source.state("ip_rules", rules);
    Ok(())
}

fn route(section: &mut Section) -> Result<(), Unreadable> {
    section.convert(ROUTE)?;
    let device = section.require("interface")?;
    let mut target = section.require("target")?;
    if let Some(mask) = section.take_text("netmask")? {
        target = format!("{target}/{mask}");
    }
    let Some(destination) = prefix(&target) else {
        return Err(section.wrong("target", "is no address or prefix"));
    };
    let next = section.take("gateway").unwrap_or_else(|| "".into());
    let cost = section.take_integer("metric")?.unwrap_or_else(|| 0.into());
    section.options.insert("device".into(), device.into());
    section.options.insert("destination".into(), destination.into());
    section.options.insert("next".into(), next);
    section.options.insert("cost".into(), cost.into());
    Ok(())
}

/// Keeps a name that is not the automatic one, which counts all sections of the package.
fn name(section: &mut Section, kind: &str, number: usize, known: usize, source: &mut Source<'_>) {
    if section.name != format!("{kind}{number}") {
        section.options.insert("name".into(), section.name.as_str().into());
    } else if number != known + 1 {
        source.losses.add(section.line, format!("the name of a section {kind:?}"));
    }
}
