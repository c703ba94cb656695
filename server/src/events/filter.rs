//! What was typed, as a filter. Names that no event can have are refused: the answer would be empty for ever.

use uuid::Uuid;

use super::ListArgs;
use crate::{control::Filter, settings::nearest};

/// The filter, or why there is none.
pub(super) fn filter(args: &ListArgs) -> Result<Filter, String> {
    let (aggregate_type, aggregate_id) = match args.aggregate.as_deref() {
        None => (None, None),
        Some(text) => match text.split_once('/') {
            Some((kind, id)) => (Some(kind.to_owned()), Some(hyphenated(id)?)),
            None => (Some(text.to_owned()), None),
        },
    };
    // A log with other events is not opened at all.
    let known = domain::event_types();
    if let Some(kind) = &aggregate_type {
        let kinds: Vec<&str> = known.iter().map(|(kind, _)| *kind).collect();
        if !kinds.contains(&kind.as_str()) {
            return Err(format!("there is no kind of stream `{kind}`{}", nearest(kind, &kinds)));
        }
    }
    let types: Vec<&str> = known.iter().flat_map(|(_, types)| types.iter().copied()).collect();
    if let Some(wrong) = args.types.iter().find(|name| !types.contains(&name.as_str())) {
        return Err(format!("there is no type of event `{wrong}`{}", nearest(wrong, &types)));
    }
    Ok(Filter {
        aggregate_type,
        aggregate_id,
        types: args.types.clone(),
        organization: args.organization,
        actor: args.actor.as_deref().map(actor).transpose()?,
        since: args.since,
        until: args.until,
        up_to: args.before.map(|before| before.saturating_sub(1)),
    })
}

/// Ids as they are stored: answers to agents show them without hyphens.
fn hyphenated(id: &str) -> Result<String, String> {
    let id: Result<Uuid, _> = id.parse();
    id.map(|id| id.to_string())
        .map_err(|_| "a stream's id is a UUID, with or without hyphens".to_owned())
}

fn actor(text: &str) -> Result<String, String> {
    const KINDS: [&str; 5] = ["user", "device", "agent", "system", "local"];
    let (kind, id) = text.split_once(':').unwrap_or((text, ""));
    if !KINDS.contains(&kind) || id.is_empty() {
        return Err(format!(
            "there is no actor `{text}`: there are user:<id>, device:<id>, agent:<id>, system:<worker> and local:<user>"
        ));
    }
    Ok(match id.parse::<Uuid>() {
        Ok(id) => format!("{kind}:{id}"),
        Err(_) => text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        list: ListArgs,
    }

    fn typed(arguments: &[&str]) -> Result<Filter, String> {
        let arguments = std::iter::once("list").chain(arguments.iter().copied());
        filter(&Typed::try_parse_from(arguments).expect("arguments").list)
    }

    #[test]
    fn ids_have_hyphens_or_none() {
        let (plain, stored) =
            ("0190f0a000007000800000000000abcd", "0190f0a0-0000-7000-8000-00000000abcd");
        for id in [plain, stored] {
            let found = typed(&["--aggregate", &format!("device/{id}")]).expect("a stream");
            assert_eq!(found.aggregate_type.as_deref(), Some("device"));
            assert_eq!(found.aggregate_id.as_deref(), Some(stored));
            let found = typed(&["--actor", &format!("device:{id}")]).expect("an actor");
            assert_eq!(found.actor, Some(format!("device:{stored}")));
        }
        let found = typed(&["--actor", "system:fixture"]).expect("an actor");
        assert_eq!(found.actor.as_deref(), Some("system:fixture"));
    }

    #[test]
    fn names_that_no_event_has_are_refused_with_the_nearest_one() {
        let said = typed(&["--type", "device.registred"]).expect_err("no type");
        assert!(said.ends_with("did you mean `device.registered`?"), "{said}");
        let said = typed(&["--type", "device.registered", "--type", "nope"]).expect_err("no type");
        assert!(said.contains("`nope`"), "{said}");
        let said = typed(&["--aggregate", "devise"]).expect_err("no kind");
        assert!(said.ends_with("did you mean `device`?"), "{said}");
        typed(&["--aggregate", "device/xx"]).expect_err("no id");
        typed(&["--actor", "nonsense"]).expect_err("no actor");
        for (_, types) in domain::event_types() {
            for name in types {
                typed(&["--type", name]).expect("a type");
            }
        }
    }
}
