//! Files below `/etc/config`, which do not say what package they are.

use netjson::uci::{Document, Reason};

use super::{Trouble, source::Source};

/// The one package of `text`, if it does not announce any: the one that is `stated`, or that its file is called
/// after.
///
/// # Errors
///
/// Nobody knows its name, the name is stated and the text has others, or the device could not read it.
pub(super) fn of(
    source: &Source,
    text: Option<&str>,
    stated: Option<&str>,
) -> Result<Option<Document>, Trouble> {
    if let Some(stated) = stated.filter(|stated| !is_name(stated)) {
        return Err(Trouble::unusable(format!("{stated:?} is no name of a package")));
    }
    let Some(text) = text else {
        return match stated {
            Some(_) => Err(Trouble::unusable("--package is for UCI text")),
            None => Ok(None),
        };
    };
    let (document, errors) = Document::read_leniently(text);
    let at = |line: usize, what: &str| format!("{}:{line}: {what}", source.name());
    let nameless = errors.iter().find(|error| error.reason == Reason::NoPackage);
    match (nameless, document.packages.first(), stated) {
        (None, None, _) | (None, Some(_), None) => return Ok(None),
        (_, Some(package), Some(_)) => {
            let what = "the text says itself which packages it has: leave --package out";
            return Err(Trouble::unusable(at(package.line, what)));
        }
        // A part of the text is of nobody knows what.
        (Some(error), Some(_), None) => {
            return Err(Trouble::objection(at(error.line, &error.reason.to_string())));
        }
        (Some(_), None, _) => {}
    }
    let Some(name) = stated.or_else(|| source.file_name()).filter(|name| is_name(name)) else {
        let line = nameless.map_or(1, |error| error.line);
        let what =
            "the section belongs to no package: say which with --package, as in --package network";
        return Err(Trouble::unusable(at(line, what)));
    };
    let read = Document::read_package(name, text).map(Some);
    read.map_err(|error| Trouble::objection(at(error.line, &error.reason.to_string())))
}

/// Whether UCI takes `name` for a package.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.bytes().all(allowed)
}
