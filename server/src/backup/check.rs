//! Is a log what it should be, without a change to it?

use std::{path::Path, sync::Arc};

use anyhow::bail;
use store::{Location, Options, Store, Tip};

use super::Shown;
use crate::world::SystemWorld;

/// Opens a log to be read. `anchors` is the folder of the anchors that it is compared with.
pub(crate) async fn look(location: Location, anchors: Option<&Path>) -> anyhow::Result<Store> {
    let world = Arc::new(SystemWorld::new()?);
    let mut options = Options::new(location, Arc::new(projections::Catalogue), world);
    options.projections = projections::all();
    options.anchors = anchors.map(Path::to_owned);
    Ok(Store::open_to_read(options).await?)
}

/// Recomputes the chain up to the end.
pub(crate) async fn sound(store: &Store, tip: &Tip) -> anyhow::Result<()> {
    let mut shown = Shown::events(tip.head);
    let report = store
        .verify_chain(None, |position| shown.at("events of the chain", position.unsigned_abs()))
        .await?;
    drop(shown);
    if let Some(bad) = report.first_bad {
        bail!("the chain of events is broken at position {}: {}", bad.position, bad.reason);
    }
    Ok(())
}
