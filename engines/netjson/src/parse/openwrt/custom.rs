//! What no block understands: packages of the configuration's own.

use serde_json::Value;

use super::Source;

pub(super) fn read(source: &mut Source<'_>) {
    for (package, sections) in std::mem::take(&mut source.packages) {
        if sections.is_empty() {
            continue;
        }
        let sections = sections.into_iter().enumerate().map(|(index, mut section)| {
            for key in ["config_name", "config_value"] {
                if section.options.contains_key(key) {
                    let line = section.line_of(key);
                    source.losses.add(line, format!("option {key:?}, which cannot be stated"));
                }
            }
            section.take("config_value");
            if section.name != format!("{}_{}", section.kind, index + 1) {
                section.options.insert("config_value".into(), section.name.into());
            }
            section.options.insert("config_name".into(), section.kind.into());
            Value::Object(section.options)
        });
        let mut sections: Vec<Value> = sections.collect();
        match source.netjson.get_mut(&package) {
            // The name of a block: validation says what is wrong.
            Some(Value::Array(known)) => known.append(&mut sections),
            _ => {
                source.netjson.insert(package, sections.into());
            }
        }
    }
}
