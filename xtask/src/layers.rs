//! The arrows between the crates: each may use what stands below it, and nothing else.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// What a crate may use of ours. An engine is any crate below `engines/`, and what is below `adapters/` is an adapter.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
}

/// Stands for every engine.
const ENGINES: &str = "engines";
/// Stands for every adapter.
const ADAPTERS: &str = "adapters";
/// Stands for every crate.
const ALL: &str = "*";

const LAYERS: &[Layer] = &[
    Layer { name: "domain", may_use: &[] },
    Layer { name: ENGINES, may_use: &[] },
    Layer { name: "store", may_use: &[] },
    Layer { name: "timeseries", may_use: &[] },
    Layer { name: "projections", may_use: &["domain", "store", "timeseries"] },
    Layer { name: "app", may_use: &["domain", ENGINES, "store", "projections", "timeseries"] },
    Layer { name: "api", may_use: &["app", "projections", "domain"] },
    Layer { name: "workers", may_use: &["app", "projections", "domain"] },
    Layer { name: ADAPTERS, may_use: &["app", "workers"] },
    Layer { name: "server", may_use: &[ALL] },
    Layer { name: "tests", may_use: &[ALL] },
    Layer { name: "benches", may_use: &[ALL] },
    Layer { name: "xtask", may_use: &[ALL] },
];

/// A crate of the workspace and what it uses of ours, both by folder below the root.
#[derive(Debug, PartialEq, Eq)]
struct Uses {
    folder: String,
    used: BTreeSet<String>,
}

/// Fails on every arrow that is not allowed, and names all of them.
pub(crate) fn check() -> anyhow::Result<()> {
    let metadata = MetadataCommand::new().no_deps().exec().context("cannot ask cargo")?;
    let root = metadata.workspace_root.as_str();
    let crates: Vec<Uses> =
        metadata.workspace_packages().into_iter().map(|package| uses(package, root)).collect();
    let wrong = wrong_arrows(&crates);
    if !wrong.is_empty() {
        bail!("{} wrong arrows between crates:\n{}", wrong.len(), wrong.join("\n"));
    }
    crate::say(&format!("layers: {} crates, every arrow points down", crates.len()));
    Ok(())
}

/// Tests may stand on anything, so arrows of development are not looked at.
fn uses(package: &Package, root: &str) -> Uses {
    let below =
        |path: &str| path.strip_prefix(root).map(|path| path.trim_start_matches('/').to_owned());
    let manifest = package.manifest_path.parent().map_or("", |folder| folder.as_str());
    let used = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .filter_map(|dependency| below(dependency.path.as_ref()?.as_str()));
    Uses { folder: below(manifest).unwrap_or_default(), used: used.collect() }
}

fn wrong_arrows(crates: &[Uses]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Uses { folder, used } in crates {
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == layer_of(folder)) else {
            wrong.push(format!(
                "  {folder}: no layer is named so (xtask/src/layers.rs, docs/adr/0001)"
            ));
            continue;
        };
        for other in used {
            if !layer.may_use.contains(&ALL) && !layer.may_use.contains(&layer_of(other)) {
                let may = match layer.may_use {
                    [] => "nothing of ours".to_owned(),
                    names => names.join(", "),
                };
                wrong.push(format!("  {folder} uses {other}; it may use {may}"));
            }
        }
    }
    wrong
}

fn layer_of(folder: &str) -> &str {
    match folder.split_once('/') {
        Some((ENGINES, _)) => ENGINES,
        Some((ADAPTERS, _)) => ADAPTERS,
        _ => folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(folder: &str, used: &[&str]) -> Uses {
        Uses {
            folder: folder.to_owned(),
            used: used.iter().map(|&folder| folder.to_owned()).collect(),
        }
    }

    #[test]
    fn arrows_that_point_down_are_fine() {
        let crates = [
            uses("domain", &[]),
            uses("engines/netjson", &[]),
            uses("app", &["domain", "engines/netjson", "projections", "store"]),
            uses("server", &["api", "app", "store", "workers"]),
        ];
        assert_eq!(wrong_arrows(&crates), Vec::<String>::new());
    }

    #[test]
    fn every_arrow_that_points_up_or_aside_is_named() {
        let crates = [
            uses("domain", &["store"]),
            uses("engines/netjson", &["engines/pki"]),
            uses("api", &["app", "store"]),
        ];
        let wrong = wrong_arrows(&crates);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert_eq!(wrong[0], "  domain uses store; it may use nothing of ours");
        assert_eq!(wrong[2], "  api uses store; it may use app, projections, domain");
    }

    #[test]
    fn a_crate_without_a_layer_is_named() {
        let wrong = wrong_arrows(&[uses("helpers", &[])]);
        assert!(wrong[0].contains("helpers"), "{wrong:?}");
    }

    #[test]
    fn the_workspace_is_layered() {
        check().expect("no wrong arrows");
    }
}
