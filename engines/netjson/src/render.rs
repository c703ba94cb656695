//! From the layers of a configuration to what a device downloads.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::lint::{self, Finding};
use crate::merge::{self, Identifiers};
use crate::openwrt::{Package, Style, Texts};
use crate::schema::{self, MAX_VIOLATIONS, Schema, Violation};
use crate::{
    Archive, Backend, Error, File, Templates, ValidationError, context, files, limits, openwisp,
    openwrt, planned, rules, uci, vpn,
};

/// Everything that a rendering depends on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The device's own configuration, laid over the templates.
    pub config: &'a Map<String, Value>,
    /// Templates, the first at the bottom.
    pub templates: &'a [&'a Map<String, Value>],
    /// Variables by name.
    pub context: &'a Map<String, Value>,
    /// The device's host name where its own configuration says none; above what templates say. It is put in after the
    /// configuration was checked: what a device may be called is not what the schema lets people write.
    pub hostname: Option<&'a str>,
    /// Whether the device takes the syntax of OpenWrt 21 and later, see
    /// [`is_openwrt_dsa`](crate::is_openwrt_dsa).
    pub dsa: bool,
}

/// A configuration as NetJSON, as text and as files.
///
/// All of it is of one computation. The archive is packed when it is first asked for.
#[derive(Clone, Debug)]
pub struct Rendering {
    netjson: Value,
    text: String,
    files: Vec<File>,
    packages: Vec<Package>,
    /// How the packages are written.
    style: Style,
    archive: OnceLock<Archive>,
}

impl PartialEq for Rendering {
    /// Whether the archive was asked for makes no difference.
    fn eq(&self, other: &Self) -> bool {
        (&self.netjson, &self.text, &self.files, &self.packages)
            == (&other.netjson, &other.text, &other.files, &other.packages)
    }
}

impl Rendering {
    /// The configuration after merging and evaluation, a NetJSON `DeviceConfiguration`.
    pub fn netjson(&self) -> &Value {
        &self.netjson
    }

    /// All packages, then the additional files, for people to read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The members of the archive in order.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The packages as they are meant, whatever their text may be read as.
    pub fn planned(&self) -> uci::Document {
        uci::Document { packages: self.packages.iter().map(planned::package).collect() }
    }

    /// Values that a device reads as other sections or options than planned, in the order of the
    /// text; at most [`MAX_FINDINGS`](crate::MAX_FINDINGS).
    pub fn findings(&self) -> Vec<Finding> {
        lint::findings(&self.netjson, &self.packages, self.style)
    }

    /// The archive that a device downloads. Equal renderings give equal bytes.
    pub fn archive(&self) -> Archive {
        self.packed().clone()
    }

    /// The archive's MD5, lower-case hex: what devices compare.
    pub fn checksum(&self) -> &str {
        &self.packed().md5
    }

    fn packed(&self) -> &Archive {
        self.archive.get_or_init(|| Archive::of(&self.files))
    }
}

/// Merges, evaluates, validates and converts.
///
/// # Errors
///
/// [`Error::Invalid`] when the layers cannot be merged or the result does not describe a device,
/// [`Error::TooLarge`] when it is beyond what is computed.
pub fn render(backend: Backend, input: &Input<'_>) -> Result<Rendering, Error> {
    render_over(backend, &Templates::default(), input)
}

/// Like [`render`], with the templates of `input`, if there are any, and its configuration on top of
/// `templates`.
///
/// # Errors
///
/// Those of [`render`].
pub fn render_over(
    backend: Backend,
    templates: &Templates,
    input: &Input<'_>,
) -> Result<Rendering, Error> {
    rendering(backend, templates, input, true)
}

/// Like [`render_over`] without looking at the schema and what is beyond it: for layers of which it is
/// known that they are valid together. Of others the files are of no use, but bounded all the same.
///
/// # Errors
///
/// Those of [`render`] that are found while converting.
pub fn render_unvalidated(
    backend: Backend,
    templates: &Templates,
    input: &Input<'_>,
) -> Result<Rendering, Error> {
    rendering(backend, templates, input, false)
}

fn rendering(
    backend: Backend,
    templates: &Templates,
    input: &Input<'_>,
    validated: bool,
) -> Result<Rendering, Error> {
    let mut netjson = evaluated(backend, templates, input)?;
    rules::complete(backend, &mut netjson, input.hostname);
    if validated {
        rules::check(backend, &netjson, input.dsa)?;
    }
    let mut netjson = named(netjson, input.hostname);
    limits::expansion(&netjson)?;

    let (mut text, mut members, packages) = if backend.configures_devices() {
        device(backend, &netjson, input.dsa)?
    } else {
        let (text, members) = vpn::documents(backend, &netjson)?;
        (text, members, Vec::new())
    };
    if text.len() > 4 * limits::MAX_TEXT {
        return Err(Error::TooLarge { what: "rendered text", limit: 4 * limits::MAX_TEXT });
    }
    let additional = files::additional(backend, &netjson);
    text.push_str(&files::preview(&additional));
    members.extend(additional.iter().map(File::from));
    if backend == Backend::OpenWisp {
        members.extend(openwisp::scripts(&netjson, &packages));
    }
    members.iter().try_for_each(check_member)?;
    netjson.insert("type".into(), "DeviceConfiguration".into());
    Ok(Rendering {
        netjson: Value::Object(netjson),
        text,
        files: members,
        packages,
        style: style(backend),
        archive: OnceLock::new(),
    })
}

fn style(backend: Backend) -> Style {
    if backend == Backend::OpenWisp { Style::Quoted } else { Style::Bare }
}

/// The text of all packages, and each as a file.
fn device(
    backend: Backend,
    netjson: &Map<String, Value>,
    dsa: bool,
) -> Result<(String, Vec<File>, Vec<Package>), Error> {
    let packages = openwrt::packages(backend, netjson, dsa)?;
    if let Some(package) = packages.iter().find(|package| leads_away(&package.name)) {
        return Err(ValidationError::at(&package.name, invalid_path(&package.name)).into());
    }
    let style = style(backend);
    let texts = Texts::of(&packages, style);
    let member = |(package, body): (&Package, &str)| {
        let name = &package.name;
        let path = match style {
            Style::Quoted => format!("uci/{name}.conf"),
            Style::Bare => format!("etc/config/{name}"),
        };
        File { path, mode: 0o644, contents: file_of(name, body, style).into_bytes() }
    };
    let members = packages.iter().zip(texts.bodies()).map(member).collect();
    Ok((texts.whole(), members, packages))
}

/// The file of a package that is alone in its archive.
pub(crate) fn package_file(package: &Package, style: Style) -> String {
    file_of(&package.name, &openwrt::body(package, style), style)
}

fn file_of(name: &str, body: &str, style: Style) -> String {
    match style {
        Style::Quoted => format!("package {name}\n\n{body}"),
        Style::Bare => body.to_owned(),
    }
}

/// Checks one configuration on its own: no templates, no variables, in the syntax that is the
/// generator's own.
///
/// # Errors
///
/// The first error found.
pub fn validate(backend: Backend, config: &Map<String, Value>) -> Result<(), ValidationError> {
    limits::measure(config).map_err(|error| ValidationError::whole(error.to_string()))?;
    if backend != Backend::OpenWisp {
        return rules::check(backend, config, backend.default_dsa());
    }
    let mut config = config.clone();
    rules::complete(backend, &mut config, None);
    rules::check(backend, &config, backend.default_dsa())
}

/// Everything that is wrong with one configuration on its own, in the order of importance that all
/// interfaces share: the first is the error of [`validate`]. [`MAX_VIOLATIONS`] at most.
///
/// ```
/// use serde_json::json;
/// use wisptrail_netjson::{Backend, violations};
///
/// let config = json!({"general": {"hostname": "x"}, "ntp": {"enabled": "yes"}});
/// let found = violations(Backend::OpenWrt, config.as_object().unwrap());
/// let places: Vec<_> = found.iter().map(|found| (&*found.pointer, found.rule)).collect();
/// assert_eq!(places, [("/general/hostname", "format"), ("/ntp/enabled", "type")]);
/// assert_eq!(found[1].accepted, "boolean");
/// ```
pub fn violations(backend: Backend, config: &Map<String, Value>) -> Vec<Violation> {
    all(backend, schema::of(backend), config)
}

/// The same for the server of a virtual private network, which follows
/// [`vpn_server_schema`](crate::vpn_server_schema). Nothing is wrong where the backend has none.
pub fn vpn_server_violations(backend: Backend, config: &Map<String, Value>) -> Vec<Violation> {
    schema::of_server(backend).map_or_else(Vec::new, |schema| all(backend, schema, config))
}

fn all(backend: Backend, schema: &Schema, config: &Map<String, Value>) -> Vec<Violation> {
    if let Err(error) = limits::measure(config) {
        let error = ValidationError::whole(error.to_string());
        return vec![Violation::beyond("size", Value::Null, error)];
    }
    let mut config = config.clone();
    rules::complete(backend, &mut config, None);
    rules::violations(schema, backend, &config, backend.default_dsa(), MAX_VIOLATIONS)
}

fn evaluated(
    backend: Backend,
    templates: &Templates,
    input: &Input<'_>,
) -> Result<Map<String, Value>, Error> {
    let mut extent = templates.extent;
    for layer in input.templates.iter().copied().chain([input.config, input.context]) {
        extent = extent.and(limits::measure(layer)?);
    }
    extent.check()?;
    let mut layers = input.templates.iter().copied().chain([input.config]);
    // A configuration without templates stays as it is, repetitions and all.
    let bottom = templates.merged.as_ref().or_else(|| layers.next());
    let mut netjson = bottom.cloned().unwrap_or_default();
    for layer in layers {
        lay(backend, &mut netjson, layer)?;
    }
    context::evaluate(&mut netjson, input.context)?;
    Ok(netjson)
}

/// Lays a template or configuration over what is below it.
pub(crate) fn lay(
    backend: Backend,
    under: &mut Map<String, Value>,
    layer: &Map<String, Value>,
) -> Result<(), ValidationError> {
    let identifiers = Identifiers {
        keys: backend.identifiers(),
        vlans: backend.configures_devices() && layer.contains_key("interfaces"),
    };
    merge::objects(under, layer, identifiers)
}

/// With a host name of its own.
fn named(mut netjson: Map<String, Value>, hostname: Option<&str>) -> Map<String, Value> {
    let Some(hostname) = hostname else { return netjson };
    let general = netjson.entry("general").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(general) = general {
        general.insert("hostname".to_owned(), hostname.into());
    }
    netjson
}

/// Generated names follow from texts that no path rule has seen.
fn check_member(file: &File) -> Result<(), ValidationError> {
    if leads_away(&file.path) {
        return Err(ValidationError::whole(invalid_path(&file.path)));
    }
    Ok(())
}

/// Whether a path names no file, or one that is not below the root.
fn leads_away(path: &str) -> bool {
    let nameless = matches!(path.rsplit('/').next(), None | Some("" | "."));
    nameless || path.contains('\0') || path.split('/').any(|part| part == "..")
}

fn invalid_path(path: &str) -> String {
    format!("Invalid file path \"{path}\".")
}
