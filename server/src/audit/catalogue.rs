//! What events mean, for whoever reads an archive years from now.

use domain::{
    catalogue::{Aggregate, Field, Kind, catalogue},
    classified::Class,
};
use serde_json::{Value, json};

/// The catalogue of this program as JSON.
pub(crate) fn text() -> anyhow::Result<Vec<u8>> {
    let all = json!({ "aggregates": catalogue().iter().map(aggregate).collect::<Vec<_>>() });
    let mut text = serde_json::to_vec_pretty(&all)?;
    text.push(b'\n');
    Ok(text)
}

fn aggregate(aggregate: &Aggregate) -> Value {
    json!({
        "aggregate": aggregate.name,
        "meaning": aggregate.meaning,
        "events": aggregate.events.iter().map(kind).collect::<Vec<_>>(),
    })
}

fn kind(kind: &Kind) -> Value {
    json!({
        "type": kind.name,
        "version": kind.version.to_string(),
        "meaning": kind.meaning,
        "fields": kind.fields.iter().map(field).collect::<Vec<_>>(),
        "example": kind.example,
    })
}

fn field(field: &Field) -> Value {
    json!({
        "name": field.name,
        "kind": field.kind,
        "required": field.required,
        "confidential": field.class.unwrap_or(Class::Sealed).as_str(),
        "meaning": field.meaning,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_checks_knows_every_erasure() {
        let erasures: Vec<(&str, &str)> = domain::event_types()
            .into_iter()
            .flat_map(|(kind, types)| types.iter().map(move |name| (kind, *name)))
            .filter(|(_, name)| name.ends_with(".erased"))
            .collect();
        assert_eq!(erasures, store::ERASURES);
    }

    #[test]
    fn every_type_of_events_is_in_it() {
        let text = String::from_utf8(text().expect("JSON")).expect("text");
        for (_, types) in domain::event_types() {
            for name in types {
                assert!(text.contains(&format!("\"type\": \"{name}\"")), "{name}");
            }
        }
    }
}
