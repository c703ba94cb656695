//! Turns NetJSON device configurations into the files that a device applies.
//!
//! Templates and the device's own configuration are merged, variables put in, the result checked
//! against the schema, converted to UCI packages and packed. The bytes are those that agents of
//! OpenWISP already know, because devices compare their checksums.

mod archive;
mod auto_client;
mod backend;
mod context;
mod diff;
mod dsa;
mod equality;
mod error;
mod files;
pub mod json;
mod limits;
mod lint;
mod literal;
mod merge;
mod openwisp;
mod openwrt;
mod parse;
mod planned;
mod render;
mod rules;
mod schema;
mod templates;
mod trace;
pub mod uci;
mod vpn;

pub use self::archive::Archive;
pub use self::auto_client::{auto_client, device_auto_client};
pub use self::backend::{Backend, UnknownBackend};
pub use self::context::evaluate_vars;
pub use self::diff::{
    ContentsDiff, FileChange, FileDiff, FilesDiff, Opaque, OptionDiff, PackageDiff, SectionDiff,
    UciDiff,
};
pub use self::dsa::is_openwrt_dsa;
pub use self::error::{Error, Unreadable, ValidationError};
pub use self::files::File;
pub use self::lint::{Effect, Extra, Finding, MAX_FINDINGS, Obstacle, beyond, lint, lint_variable};
pub use self::merge::merge;
pub use self::parse::{Loss, Native, Parsed, parse};
pub use self::render::{
    Input, Rendering, render, render_over, render_unvalidated, validate, violations,
    vpn_server_violations,
};
pub use self::schema::{MAX_VIOLATIONS, Violation, schema, vpn_server_schema};
pub use self::templates::{TemplateCache, TemplateHash, Templates};
pub use self::trace::{Address, Part, trace};

/// Raised whenever any byte of any output may change for the same input.
pub const RENDERER_VERSION: u32 = 4;
