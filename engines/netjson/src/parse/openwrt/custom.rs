//! What no block understands: packages of the configuration's own.

use serde_json::Value;

use super::Source;

pub(super) fn read(source: &mut Source<'_>) {
    for (package, sections) in std::mem::take(&mut source.packages) {
        if sections.is_empty() {
            continue;
        }
        let lines: Vec<usize> = sections.iter().map(|section| section.line).collect();
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
        // The name of a block: validation says what is wrong.
        if let Some(Value::Array(known)) = source.netjson.get_mut(&package) {
            known.append(&mut sections);
            source.origins.extend(&package, lines);
        } else {
            source.origins.state(&package, lines);
            source.netjson.insert(package, sections.into());
        }
    }
}
