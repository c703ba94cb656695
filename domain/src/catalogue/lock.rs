//! The shapes of all events that were ever released, as a file that is kept with the code (`domain/events.lock`): a line for
//! each type and version. What is in it stays in it, whatever the code says later.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use super::{
    newest,
    schema::Defined,
    shape::{grows, shape},
};
use crate::{event_types, schemas};

const HEAD: &str = "\
# The shape of every event that was ever released, by type and version. Written by `cargo xtask gen`.
# A line stays for ever. A shape may only grow by fields that may be missing and by further values; for anything else the event
# gets a new version and the step that leads to it (domain/src/upcast.rs).
";

/// A type of events in one of its versions.
pub type Locked = (String, u16);

/// Shapes by type and version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock(BTreeMap<Locked, Value>);

impl Lock {
    /// What the code writes today.
    pub fn of_code() -> Self {
        let mut shapes = BTreeMap::new();
        let types = event_types();
        for (aggregate, schema) in schemas() {
            let defined = Defined::new(schema);
            let of_aggregate = types.iter().filter(|(of, _)| *of == aggregate);
            for event_type in of_aggregate.flat_map(|(_, types)| types.iter()) {
                let name = event_type.split_once('.').map_or(*event_type, |(_, name)| name);
                if let Some((_, inside)) = defined.variant(name) {
                    let version = newest(event_type);
                    shapes.insert(((*event_type).to_owned(), version), shape(&defined, inside));
                }
            }
        }
        Self(shapes)
    }

    /// A file; the error names its first line that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut shapes = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let read = || {
                let (event_type, rest) = line.split_once(' ')?;
                let (version, shape) = rest.split_once(' ')?;
                Some((
                    (event_type.to_owned(), version.parse().ok()?),
                    serde_json::from_str(shape).ok()?,
                ))
            };
            let (key, shape) =
                read().ok_or_else(|| format!("no type, version and shape: {line}"))?;
            shapes.insert(key, shape);
        }
        Ok(Self(shapes))
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for ((event_type, version), shape) in &self.0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{event_type} {version} {shape}");
        }
        text
    }

    /// Every type and version in it.
    pub fn released(&self) -> impl Iterator<Item = &Locked> {
        self.0.keys()
    }

    /// What was released, and what the code writes today. The errors name every event whose shape became another one.
    pub fn grown(self, code: Self) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        for (key, new) in &code.0 {
            if let Some(old) = self.0.get(key)
                && let Err(place) = grows(old, new, &format!("{} version {}", key.0, key.1))
            {
                wrong.push(place);
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut shapes = self.0;
        shapes.extend(code.0);
        Ok(Self(shapes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(text: &str) -> Lock {
        Lock::parse(text).expect("a lock")
    }

    #[test]
    fn what_was_written_is_read() {
        let code = Lock::of_code();
        assert!(code.released().count() >= 100);
        assert_eq!(lock(&code.text()), code);
        assert!(Lock::parse("ship.sunk one {}").is_err());
    }

    #[test]
    fn lines_stay_and_shapes_grow() {
        let old = lock("ship.sunk 1 {\"name\":\"string\"}\nship.built 1 {\"at\":\"string\"}\n");
        let code = lock(
            "ship.sunk 2 {\"at\":\"string\"}\nship.built 1 {\"at\":\"string\",\"by?\":\"string\"}\n",
        );
        let grown = old.clone().grown(code).expect("it grows");
        let lines: Vec<(&str, u16)> =
            grown.released().map(|(name, version)| (name.as_str(), *version)).collect();
        assert_eq!(lines, [("ship.built", 1), ("ship.sunk", 1), ("ship.sunk", 2)]);
        assert!(grown.text().contains("\"by?\""));

        let changed = lock("ship.sunk 1 {\"name\":\"integer\"}\nship.built 1 {}\n");
        let said = old.grown(changed).expect_err("two are others");
        assert_eq!(said.len(), 2, "{said:?}");
    }
}
