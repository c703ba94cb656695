//! What differs between packages of UCI, by section and option.

use indexmap::IndexMap;

use super::FileChange;
use crate::Rendering;
use crate::uci::{Document, Package, Setting};

/// Sections and options of all packages together that are told.
pub(super) const MAX_CHANGES: usize = 10_000;
/// Bytes of the largest file that is read.
const MAX_TEXT: usize = 1 << 20;

/// How two configurations differ; equal packages are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UciDiff {
    /// In the order of the first configuration, then of the second.
    pub packages: Vec<PackageDiff>,
}

/// A package that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageDiff {
    /// Its name, such as `network`.
    pub name: String,
    /// What became of it.
    pub change: FileChange,
    /// In the order of the first side, then of the second.
    pub sections: Vec<SectionDiff>,
    /// There is more than is told: 10,000 sections and options.
    pub cut: bool,
}

/// A section that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionDiff {
    /// Its type, such as `interface`; on the second side, if it has another one there.
    pub kind: String,
    /// Its name; sections without one are known by type and position, such as `@rule[0]`.
    pub name: String,
    /// What became of it.
    pub change: FileChange,
    /// In the order of the first side, then of the second.
    pub options: Vec<OptionDiff>,
}

/// An option that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionDiff {
    /// Its name.
    pub name: String,
    /// The value or the list on the first side.
    pub before: Option<Setting>,
    /// The value or the list on the second side.
    pub after: Option<Setting>,
}

impl UciDiff {
    /// Compares what two renderings are meant to say.
    pub fn between(before: &Rendering, after: &Rendering) -> Self {
        Self::of(&before.planned(), &after.planned())
    }

    /// Compares two documents, whatever their lines are.
    pub fn of(before: &Document, after: &Document) -> Self {
        let mut left = MAX_CHANGES;
        let new = after.packages.iter().filter(|it| before.package(&it.name).is_none());
        let names = before.packages.iter().chain(new).map(|package| &package.name);
        let pairs = names.filter_map(|name| {
            packages(name, before.package(name), after.package(name), &mut left)
        });
        Self { packages: pairs.collect() }
    }

    /// Does nothing differ?
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }
}

impl OptionDiff {
    /// What became of it.
    pub fn change(&self) -> FileChange {
        change(self.before.is_some(), self.after.is_some())
    }
}

/// The difference of a file that is a package; lines that cannot be read are left out.
pub(super) fn of_file(
    path: &str,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
    left: &mut usize,
) -> Option<PackageDiff> {
    let name = path
        .strip_prefix("etc/config/")
        .or_else(|| path.strip_prefix("uci/")?.strip_suffix(".conf"))
        .filter(|name| !name.contains('/'))?;
    if before == after {
        return None;
    }
    let read = |contents: Option<&[u8]>| {
        let text = std::str::from_utf8(contents?).ok().filter(|text| text.len() <= MAX_TEXT)?;
        Document::read_package_leniently(name, text).0.packages.into_iter().next()
    };
    packages(name, read(before).as_ref(), read(after).as_ref(), left)
}

fn packages(
    name: &str,
    before: Option<&Package>,
    after: Option<&Package>,
    left: &mut usize,
) -> Option<PackageDiff> {
    let (old, new) = (sections(before), sections(after));
    let change = change(before.is_some(), after.is_some());
    let mut diff = PackageDiff { name: name.to_owned(), change, sections: Vec::new(), cut: false };
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    for name in names {
        let Some(section) = section(name, old.get(name), new.get(name)) else { continue };
        let size = 1 + section.options.len();
        if size > *left {
            diff.cut = true;
            *left = 0;
            break;
        }
        *left -= size;
        diff.sections.push(section);
    }
    (change != FileChange::Changed || diff.cut || !diff.sections.is_empty()).then_some(diff)
}

/// What the sections of one name say together, by name.
type Merged<'a> = (&'a str, IndexMap<&'a str, Setting>);

fn sections(package: Option<&Package>) -> IndexMap<String, Merged<'_>> {
    let mut all: IndexMap<String, Merged<'_>> = IndexMap::new();
    let mut unnamed = IndexMap::<&str, usize>::new();
    for section in package.map_or(&[][..], |package| &package.sections) {
        let name = section.name.clone().unwrap_or_else(|| {
            let number = unnamed.entry(&section.kind).or_default();
            *number += 1;
            format!("@{}[{}]", section.kind, *number - 1)
        });
        let options = section.options().map(|(option, entry)| (option, entry.setting.clone()));
        let (kind, merged) = all.entry(name).or_default();
        *kind = &section.kind;
        merged.extend(options);
    }
    all
}

fn section(
    name: &str,
    before: Option<&Merged<'_>>,
    after: Option<&Merged<'_>>,
) -> Option<SectionDiff> {
    let kind = after.or(before)?.0;
    let retyped = before.zip(after).is_some_and(|(before, after)| before.0 != after.0);
    let none = IndexMap::new();
    let (old, new) = (before.map_or(&none, |it| &it.1), after.map_or(&none, |it| &it.1));
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    let options: Vec<OptionDiff> = names
        .map(|name| OptionDiff {
            name: (*name).to_owned(),
            before: old.get(name).cloned(),
            after: new.get(name).cloned(),
        })
        .filter(|option| option.before != option.after)
        .collect();
    let change = change(before.is_some(), after.is_some());
    (change != FileChange::Changed || retyped || !options.is_empty()).then(|| SectionDiff {
        kind: kind.to_owned(),
        name: name.to_owned(),
        change,
        options,
    })
}

fn change(before: bool, after: bool) -> FileChange {
    match (before, after) {
        (false, _) => FileChange::Added,
        (_, false) => FileChange::Removed,
        _ => FileChange::Changed,
    }
}
