//! `wisptrail config`: configurations of devices without a server.

mod conflict;
mod input;
mod output;
mod package;
mod position;
mod source;

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand, ValueEnum};
use netjson::{
    Backend, Error, FilesDiff, Finding, Native, Rendering, UciDiff, ValidationError, uci::Document,
};
use serde_json::Value;

use self::{
    input::{Layers, Loaded},
    source::Source,
};
use crate::cli::{note, print};

/// Nothing to object to.
const FINE: u8 = 0;
/// The configuration is not valid, or there are differences.
const OBJECTED: u8 = 1;
/// What was asked for could not be done: a file cannot be read, or is no JSON.
const TROUBLE: u8 = 2;

/// `wisptrail config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Renders a configuration as a device would get it.
    Render(RenderArgs),
    /// Checks a configuration against the schema, for values that devices read as more than they are, and for
    /// names that are stated twice.
    Validate(ValidateArgs),
    /// Makes NetJSON of what a device has: UCI text, or an archive of it.
    Parse(ParseArgs),
    /// Tells how two configurations differ, by package, section and option. Exits with 1 when they do, with 2 when one
    /// of them makes no files.
    Diff(DiffArgs),
    /// Prints the JSON Schema of configurations.
    Schema(SchemaArgs),
}

/// Which generator, and what is laid beneath and into a configuration.
#[derive(Clone, Debug, Args)]
pub(crate) struct InputArgs {
    /// Generator: openwrt, openwisp, openvpn, wireguard, vxlan-wireguard, zerotier, or its whole name.
    #[arg(long, value_name = "NAME", default_value = "openwrt", value_parser = input::backend)]
    backend: Backend,
    /// A template, NetJSON; may be repeated, later ones win, the configuration last.
    #[arg(long = "template", value_name = "FILE")]
    templates: Vec<PathBuf>,
    /// Variables, a JSON object.
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// A variable; wins over those of the file.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = input::variable)]
    variables: Vec<(String, String)>,
    /// The syntax of OpenWrt 21 and later (the default of openwrt).
    #[arg(long, overrides_with = "no_dsa")]
    dsa: bool,
    /// The syntax before OpenWrt 21.
    #[arg(long, overrides_with = "dsa")]
    no_dsa: bool,
}

/// `wisptrail config render`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RenderArgs {
    /// NetJSON; standard input if left out or `-`.
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    input: InputArgs,
    /// What to write.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where to write it; standard output if left out.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What `render` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// All packages, then the additional files.
    Text,
    /// NetJSON after merging and variables.
    Json,
    /// Mode, size and path of each file.
    Files,
    /// The archive that the device downloads, tar.gz.
    Archive,
}

/// `wisptrail config validate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ValidateArgs {
    /// NetJSON; standard input if left out or `-`.
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    input: InputArgs,
    /// Only warn about values that bring in options or sections of their own.
    #[arg(long)]
    allow_findings: bool,
}

/// `wisptrail config parse`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ParseArgs {
    /// UCI text, or a tar or tar.gz of it; standard input if left out or `-`.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The package that UCI text is of which does not say so itself, as files below /etc/config do not. Left out, it is
    /// called like the file.
    #[arg(long, value_name = "NAME")]
    package: Option<String>,
    /// Generator that would have made it, see `render`.
    #[arg(long, value_name = "NAME", default_value = "openwrt", value_parser = input::backend)]
    backend: Backend,
    /// The syntax of OpenWrt 21 and later (the default of openwrt).
    #[arg(long, overrides_with = "no_dsa")]
    dsa: bool,
    /// The syntax before OpenWrt 21.
    #[arg(long, overrides_with = "dsa")]
    no_dsa: bool,
    /// Where to write it; standard output if left out.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `wisptrail config diff`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DiffArgs {
    /// NetJSON before.
    before: PathBuf,
    /// NetJSON after; standard input if it is `-`.
    after: PathBuf,
    #[command(flatten)]
    input: InputArgs,
    /// What to write.
    #[arg(long, value_enum, default_value_t = DiffFormat::Options)]
    format: DiffFormat,
}

/// What `diff` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// By package, section and option.
    Options,
    /// The same as JSON.
    Json,
    /// Line by line, in the unified format.
    Unified,
}

/// `wisptrail config schema`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Generator, see `render`.
    #[arg(long, value_name = "NAME", default_value = "openwrt", value_parser = input::backend)]
    backend: Backend,
    /// That of VPN servers, which have more than the generator asks for.
    #[arg(long)]
    server: bool,
}

/// Why there is no result.
#[derive(Debug)]
struct Trouble {
    message: String,
    code: u8,
}

impl Trouble {
    fn unusable(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: TROUBLE }
    }

    fn objection(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: OBJECTED }
    }
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::unusable(format!("{error:#}"))
    }
}

/// Does it, and says what is wrong on standard error.
pub(crate) fn run(command: ConfigCommand) -> ExitCode {
    let outcome = match command {
        ConfigCommand::Render(args) => render(args),
        ConfigCommand::Validate(args) => validate(args),
        ConfigCommand::Parse(args) => parse(args),
        ConfigCommand::Diff(args) => diff(args),
        ConfigCommand::Schema(args) => schema(args),
    };
    ExitCode::from(outcome.unwrap_or_else(|Trouble { message, code }| {
        note(&message);
        code
    }))
}

fn render(args: RenderArgs) -> Result<u8, Trouble> {
    input::once(&args.input, &[("the configuration", &args.file)])?;
    let loaded = Loaded::of(&args.input)?;
    let layers = loaded.layers(Source::json(&args.file)?);
    warn_of_repetitions(&layers);
    let rendering = rendered(&layers)?;
    for finding in rendering.findings() {
        note(&format!("warning: {}", told(&layers, &finding)));
    }
    let bytes = match args.format {
        Format::Text => rendering.text().as_bytes().to_vec(),
        Format::Json => output::json(rendering.netjson())?.into_bytes(),
        Format::Files => output::files(rendering.files()).into_bytes(),
        Format::Archive => rendering.archive().bytes,
    };
    if args.format == Format::Archive && args.output.is_none() && std::io::stdout().is_terminal() {
        return Err(Trouble::unusable("an archive is not for a terminal: name a file with -o"));
    }
    output::write(args.output.as_deref(), &bytes)?;
    Ok(FINE)
}

fn validate(args: ValidateArgs) -> Result<u8, Trouble> {
    input::once(&args.input, &[("the configuration", &args.file)])?;
    let loaded = Loaded::of(&args.input)?;
    let layers = loaded.layers(Source::json(&args.file)?);
    let mut code = FINE;
    for repetition in layers.repetitions() {
        note(&format!("error: {repetition}"));
        code = OBJECTED;
    }
    let rendering = rendered(&layers)?;
    for finding in rendering.findings() {
        let refused = finding.adds() && !args.allow_findings;
        let kind = if refused { "error" } else { "warning" };
        note(&format!("{kind}: {}", told(&layers, &finding)));
        if refused {
            code = OBJECTED;
        }
    }
    Ok(code)
}

fn parse(args: ParseArgs) -> Result<u8, Trouble> {
    let source = Source::bytes(&args.file)?;
    let dsa = input::dsa(args.backend, args.dsa, args.no_dsa);
    let uci = source.text().filter(|_| args.backend.configures_devices());
    // What a system wrote follows UCI's rules, and what was rendered mostly does.
    let document = match package::of(&source, uci, args.package.as_deref())? {
        Some(document) => Some(document),
        None => uci.filter(|text| !text.is_empty()).and_then(|text| Document::read(text).ok()),
    };
    let native = match (&document, source.text()) {
        (Some(document), _) => Native::Document(document),
        (None, Some(text)) => Native::Text(text),
        (None, None) => Native::Archive(source.contents()),
    };
    let parsed = netjson::parse(args.backend, native, dsa).map_err(|error| {
        let name = source.name();
        Trouble::objection(match &error {
            Error::Unreadable(unreadable) if unreadable.file.is_none() => {
                format!("{name}:{}: {}", unreadable.line.max(1), unreadable.message)
            }
            Error::Unreadable(unreadable) => {
                let file = unreadable.file.as_deref().unwrap_or_default();
                format!("{name}: {file}:{}: {}", unreadable.line.max(1), unreadable.message)
            }
            Error::InvalidSection { error: ValidationError { path, message }, file, line } => {
                let file = file.as_ref().map(|file| format!(" {file}:")).unwrap_or_default();
                let said = one_line(&format!("invalid at \"#{path}\": {message}"));
                format!("{name}:{file}{line}: {said}")
            }
            error => format!("{name}: {}", one_line(&error.to_string())),
        })
    })?;
    for loss in parsed.losses() {
        let file = loss.file.as_ref().map(|file| format!(" {file}:")).unwrap_or_default();
        let (name, line) = (source.name(), loss.line.max(1));
        note(&format!("warning: {name}:{file}{line}: not taken over: {}", loss.what));
    }
    let text = output::json(&Value::Object(parsed.into_netjson()))?;
    output::write(args.output.as_deref(), text.as_bytes())?;
    Ok(FINE)
}

fn diff(args: DiffArgs) -> Result<u8, Trouble> {
    let files = [("the configuration before", &*args.before), ("that after", &*args.after)];
    input::once(&args.input, &files)?;
    let loaded = Loaded::of(&args.input)?;
    let [before, after] =
        [loaded.layers(Source::json(&args.before)?), loaded.layers(Source::json(&args.after)?)];
    warn_of_repetitions(&before);
    warn_of_repetitions(&after);
    // What cannot be compared is another answer than what differs.
    let unusable = |trouble| Trouble { code: TROUBLE, ..trouble };
    let before = rendered(&before).map_err(unusable)?;
    let after = rendered(&after).map_err(unusable)?;
    let files = FilesDiff::between(&before, &after);
    let text = match args.format {
        DiffFormat::Unified => output::unified(&files),
        DiffFormat::Options => output::options(&UciDiff::between(&before, &after), &files),
        DiffFormat::Json => {
            output::json(&output::diff(&UciDiff::between(&before, &after), &files))?
        }
    };
    if !text.is_empty() {
        print(&text)?;
    }
    Ok(if files.is_empty() { FINE } else { OBJECTED })
}

fn schema(args: SchemaArgs) -> Result<u8, Trouble> {
    let schema = if args.server {
        let none = || Trouble::unusable("there are no servers of this generator");
        netjson::vpn_server_schema(args.backend).ok_or_else(none)?
    } else {
        netjson::schema(args.backend)
    };
    print(&output::json(schema)?)?;
    Ok(FINE)
}

/// The rendering, or what is wrong with its place in the file.
fn rendered(layers: &Layers<'_>) -> Result<Rendering, Trouble> {
    netjson::render(layers.backend(), &layers.input()).map_err(|error| match error {
        Error::Invalid(first) => {
            let all = layers.violations(&first);
            let told = |(place, ValidationError { path, message }): &(String, ValidationError)| {
                one_line(&format!("{place}: invalid at \"#{path}\": {message}"))
            };
            let told: Vec<String> = all.iter().map(told).collect();
            Trouble::objection(told.join("\nwisptrail: "))
        }
        error => Trouble::objection(format!("{}: {}", layers.name(), one_line(&error.to_string()))),
    })
}

/// What a file says must not look like what the program says: control characters are written as in Rust.
fn one_line(text: &str) -> String {
    let shown =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// Says which names are stated again; most often that was not meant.
fn warn_of_repetitions(layers: &Layers<'_>) {
    for repetition in layers.repetitions() {
        note(&format!("warning: {repetition}"));
    }
}

fn told(layers: &Layers<'_>, finding: &Finding) -> String {
    let place = match &finding.pointer {
        Some(pointer) => layers.locate(pointer),
        None => layers.name().to_owned(),
    };
    format!("{place}: {finding}")
}
