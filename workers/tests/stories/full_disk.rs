//! A full disk refuses commands, polls go on from memory, and all is well again once there is room.

use app::{Failure, RegistrationRefused};
use store::{Dialect, Op, Query, args};

use crate::world::{HARBOUR, Outcome, PEER, World, on_each_database};

#[test]
fn a_full_disk_refuses_commands_while_polls_go_on() -> Outcome {
    on_each_database(async |world| {
        let store = world.app.store();
        if store.dialect() == Dialect::Postgres {
            // Its disk is its own; that the log waits for it is tested where the log is.
            return Ok(());
        }
        world.template(11, Some(HARBOUR), &"x".repeat(4000), (true, false)).await?;
        let device = world.register(HARBOUR, 1).await?;
        let (id, key) = (device.device_id, Some(device.key.as_str()));
        let before = world.app.agents().checksum(id, key, None, PEER).await?;
        let pages = store.fetch(Query::new("PRAGMA page_count", args![])).await?[0].int(0)?;
        allow(world, pages).await?;

        let mut registered = 1;
        let refused = loop {
            match world.register(HARBOUR, registered + 1).await {
                Ok(_) => registered += 1,
                Err(refused) => break refused,
            }
            assert!(registered < 2000, "the disk does not fill");
        };
        assert!(
            matches!(refused, RegistrationRefused::Failed(Failure::Unavailable)),
            "{refused:?}"
        );
        assert_eq!(world.app.agents().checksum(id, key, None, PEER).await?, before);
        world.app.agents().download(id, key, None, PEER).await?;

        allow(world, 1_000_000).await?;
        world.register(HARBOUR, registered + 1).await?;
        assert_eq!(world.app.agents().checksum(id, key, None, PEER).await?, before);
        Ok(())
    })
}

/// How many pages the file may have: what a full disk looks like to SQLite.
async fn allow(world: &World, pages: i64) -> Outcome {
    let limit = Op::new(format!("PRAGMA max_page_count = {pages}"), args![]);
    world.app.store().returning(limit).await?;
    Ok(())
}
