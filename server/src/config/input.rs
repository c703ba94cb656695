//! What a configuration is made of, and which file a part of it comes from.

use std::path::Path;

use netjson::{Backend, ValidationError, Violation};
use serde_json::{Map, Value};

use super::{InputArgs, Trouble, conflict, source::Source};

/// Errors of one configuration that are told.
const VIOLATIONS: usize = 20;
/// Short names of generators.
const BACKENDS: [(&str, &str); 6] = [
    ("openwrt", "netjsonconfig.OpenWrt"),
    ("openwisp", "netjsonconfig.OpenWisp"),
    ("openvpn", "openwisp_controller.vpn_backends.OpenVpn"),
    ("wireguard", "openwisp_controller.vpn_backends.Wireguard"),
    ("vxlan_wireguard", "openwisp_controller.vpn_backends.VxlanWireguard"),
    ("zerotier", "openwisp_controller.vpn_backends.ZeroTier"),
];

/// A generator by its short or whole name.
pub(super) fn backend(name: &str) -> Result<Backend, String> {
    let short = name.to_ascii_lowercase().replace('-', "_");
    let whole = BACKENDS.iter().find(|(known, _)| *known == short).map_or(name, |(_, whole)| whole);
    whole.parse().map_err(|_| {
        let names: Vec<&str> = BACKENDS.iter().map(|(name, _)| *name).collect();
        format!("one of {} is expected", names.join(", "))
    })
}

/// `name=value`.
pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE is expected".to_owned()),
    }
}

/// The syntax that is asked for, or the generator's own.
pub(super) fn dsa(backend: Backend, dsa: bool, no_dsa: bool) -> bool {
    dsa || (!no_dsa && backend.default_dsa())
}

/// Refuses standard input in several places: it can be read only once. `files` are what the configuration
/// is read from, with their names.
pub(super) fn once(args: &InputArgs, files: &[(&str, &Path)]) -> Result<(), Trouble> {
    let templates = args.templates.iter().map(|path| ("a template", path.as_path()));
    let context = args.context.iter().map(|path| ("the variables", path.as_path()));
    let all = files.iter().copied().chain(templates).chain(context);
    let named: Vec<&str> =
        all.filter(|(_, path)| path.as_os_str() == "-").map(|(name, _)| name).collect();
    if let [first, second, ..] = named[..] {
        return Err(Trouble::unusable(format!(
            "standard input can be read only once, and both {first} and {second} would come from it: name a file"
        )));
    }
    Ok(())
}

/// Everything but the configuration itself.
pub(super) struct Loaded {
    backend: Backend,
    templates: Vec<Source>,
    variables: Option<Source>,
    context: Map<String, Value>,
    dsa: bool,
}

impl Loaded {
    pub(super) fn of(args: &InputArgs) -> Result<Self, Trouble> {
        let templates: Result<Vec<Source>, Trouble> =
            args.templates.iter().map(|path| Source::json(path)).collect();
        let variables = args.context.as_deref().map(Source::json).transpose()?;
        let mut context = variables.as_ref().map_or_else(Map::new, |file| file.object.clone());
        let stated = args.variables.iter().cloned();
        context.extend(stated.map(|(name, value)| (name, Value::String(value))));
        Ok(Self {
            backend: args.backend,
            templates: templates?,
            variables,
            context,
            dsa: dsa(args.backend, args.dsa, args.no_dsa),
        })
    }

    pub(super) fn layers(&self, config: Source) -> Layers<'_> {
        let templates = self.templates.iter().map(|template| &template.object).collect();
        Layers { loaded: self, templates, config }
    }
}

/// A configuration and what lies beneath.
pub(super) struct Layers<'a> {
    loaded: &'a Loaded,
    templates: Vec<&'a Map<String, Value>>,
    config: Source,
}

impl Layers<'_> {
    pub(super) fn backend(&self) -> Backend {
        self.loaded.backend
    }

    pub(super) fn input(&self) -> netjson::Input<'_> {
        netjson::Input {
            config: &self.config.object,
            templates: &self.templates,
            context: &self.loaded.context,
            hostname: None,
            dsa: self.loaded.dsa,
        }
    }

    /// What the configuration itself is called.
    pub(super) fn name(&self) -> &str {
        self.config.name()
    }

    /// `FILE:LINE:COLUMN` of a place in the merged configuration: in the topmost layer that has it,
    /// or most of the way to it.
    pub(super) fn locate(&self, pointer: &str) -> String {
        let merged = self.merged();
        let steps = steps(&merged, pointer);
        let mut best: Option<(usize, &Source, Vec<String>)> = None;
        for source in self.loaded.templates.iter().chain([&self.config]) {
            let (reached, own) = follow(&merged, &source.object, &steps, self.backend());
            if best.as_ref().is_none_or(|(known, ..)| reached >= *known) {
                best = Some((reached, source, own));
            }
        }
        let (_, source, own) = best.unwrap_or((0, &self.config, Vec::new()));
        let (line, column) = source.locate(&own);
        format!("{}:{line}:{column}", source.name())
    }

    /// Names that are stated again in any of the files.
    pub(super) fn repetitions(&self) -> impl Iterator<Item = String> {
        let loaded = self.loaded.templates.iter().chain(&self.loaded.variables);
        loaded.chain([&self.config]).flat_map(Source::repetitions)
    }

    /// Everything that is wrong, with its place, the first error foremost.
    pub(super) fn violations(&self, first: &ValidationError) -> Vec<(String, ValidationError)> {
        let evaluated = netjson::evaluate_vars(&self.merged(), &self.loaded.context);
        let mut all = match evaluated {
            Ok(Value::Object(evaluated)) => netjson::violations(self.backend(), &evaluated),
            _ => Vec::new(),
        };
        all.truncate(VIOLATIONS);
        if all.first().is_some_and(|found| found.error == *first) {
            let located = |found: Violation| (self.locate(&found.pointer), found.error);
            return all.into_iter().map(located).collect();
        }
        // Where layers do not fit together, that is what is wrong.
        let place = self.conflict().unwrap_or_else(|| self.locate(&first.path));
        vec![(place, first.clone())]
    }

    /// Where a layer does not fit on those below.
    fn conflict(&self) -> Option<String> {
        let backend = self.backend();
        let mut layers = self.loaded.templates.iter().chain([&self.config]);
        let mut below = layers.next()?.object.clone();
        for source in layers {
            let layer = &source.object;
            if let Ok(both) = netjson::merge(&below, layer, backend.identifiers()) {
                below = both;
                continue;
            }
            let kinds = conflict::kinds(&below, layer, backend).map(|at| (source, at));
            let (source, at) = kinds.or_else(|| unidentified(source, backend)).or_else(|| {
                self.loaded.templates.iter().find_map(|source| unidentified(source, backend))
            })?;
            let (line, column) = source.locate(&at);
            return Some(format!("{}:{line}:{column}", source.name()));
        }
        None
    }

    /// All layers, without variables: they change texts only.
    fn merged(&self) -> Value {
        let mut layers = self.templates.iter().copied().chain([&self.config.object]);
        let mut merged = layers.next().cloned().unwrap_or_default();
        for layer in layers {
            // Where layers do not fit together, the place is told by those that do.
            let Ok(both) = netjson::merge(&merged, layer, self.backend().identifiers()) else {
                break;
            };
            merged = both;
        }
        Value::Object(merged)
    }
}

/// A layer and where in it an element cannot be identified.
fn unidentified(source: &Source, backend: Backend) -> Option<(&Source, Vec<String>)> {
    conflict::unidentified(&source.object, backend).map(|at| (source, at))
}

/// The steps of a pointer. Keys may hold slashes that are not escaped: the longest key that is there counts.
fn steps(merged: &Value, pointer: &str) -> Vec<String> {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    let mut steps = Vec::new();
    let mut value = Some(merged);
    let mut begin = 0;
    while begin < parts.len() {
        let mut end = begin + 1;
        let mut key = unescaped(parts[begin]);
        if let Some(Value::Object(map)) = value
            && !map.contains_key(&key)
        {
            let longer = (begin + 2..=parts.len())
                .map(|end| (end, unescaped(&parts[begin..end].join("/"))))
                .find(|(_, longer)| map.contains_key(longer));
            if let Some((to, longer)) = longer {
                (end, key) = (to, longer);
            }
        }
        value = value.and_then(|value| inner(value, &key));
        if !key.is_empty() || begin > 0 {
            steps.push(key);
        }
        begin = end;
    }
    steps
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn inner<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// How far `steps` of the merged configuration lead into a layer, and the steps there.
fn follow(
    merged: &Value,
    layer: &Map<String, Value>,
    steps: &[String],
    backend: Backend,
) -> (usize, Vec<String>) {
    let layer = Value::Object(layer.clone());
    let (mut whole, mut part) = (Some(merged), &layer);
    let mut own = Vec::new();
    for step in steps {
        let found = match part {
            Value::Object(map) => map.get(step).map(|value| (step.clone(), value)),
            Value::Array(items) => {
                let wanted = whole.and_then(|whole| inner(whole, step));
                wanted.and_then(|wanted| {
                    let place = items.iter().rposition(|item| is_part(item, wanted, backend))?;
                    Some((place.to_string(), &items[place]))
                })
            }
            _ => None,
        };
        let Some((step_there, value)) = found else { break };
        own.push(step_there);
        part = value;
        whole = whole.and_then(|whole| inner(whole, step));
    }
    (own.len(), own)
}

/// Whether an element of a layer's list is, or became part of, the merged element.
fn is_part(item: &Value, merged: &Value, backend: Backend) -> bool {
    match conflict::identity(item, backend) {
        Some(name) => {
            let vlan = |value: &Value| value.get("vid").cloned();
            conflict::identity(merged, backend) == Some(name) && vlan(item) == vlan(merged)
        }
        None => item == merged,
    }
}
