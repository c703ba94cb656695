//! Refused requests are counted, kept while the database cannot be written, and bounded.

use std::net::{IpAddr, Ipv4Addr};

use app::Peer;
use domain::DeviceId;
use store::{Dialect, Op, args};
use uuid::Uuid;

use crate::world::{Outcome, World, on_each_database};

/// Asks for a device that does not exist.
async fn refused_poll(world: &World, number: u128, address: Ipv4Addr) {
    let peer = Peer { address: IpAddr::V4(address), correlation_id: None };
    let id = DeviceId::from_uuid(Uuid::from_u128(number));
    assert!(world.app.agents().checksum(id, Some("key"), None, peer).await.is_err());
}

#[test]
fn the_same_refusal_is_counted() -> Outcome {
    on_each_database(async |world| {
        let devices = world.app.devices();
        for round in 1..=2 {
            for _ in 0..3 {
                refused_poll(world, 77, Ipv4Addr::new(192, 0, 2, 1)).await;
            }
            refused_poll(world, 77, Ipv4Addr::new(192, 0, 2, 2)).await;
            devices.flush_presence().await?;
            let found = devices.refusals(&World::by(), 10).await?;
            let mut counts: Vec<u64> = found.iter().map(|refused| refused.count).collect();
            counts.sort_unstable();
            assert_eq!(counts, [round, 3 * round]);
            assert!(found.iter().all(|refused| refused.reason == "unknown_device"));
            assert!(found.iter().all(|refused| refused.first_at <= refused.last_at));
        }
        Ok(())
    })
}

#[test]
fn what_cannot_be_written_is_written_later() -> Outcome {
    on_each_database(async |world| {
        let (devices, store) = (world.app.devices(), world.app.store());
        refused_poll(world, 77, Ipv4Addr::new(192, 0, 2, 1)).await;
        // Whatever the trouble is: the table is not to be found for a while.
        let rename =
            |from: &str, to: &str| Op::new(format!("ALTER TABLE {from} RENAME TO {to}"), args![]);
        store.execute(vec![rename("refusals", "refusals_elsewhere")]).await?;
        assert!(devices.flush_presence().await.is_err());
        refused_poll(world, 77, Ipv4Addr::new(192, 0, 2, 1)).await;
        store.execute(vec![rename("refusals_elsewhere", "refusals")]).await?;
        devices.flush_presence().await?;
        let found = devices.refusals(&World::by(), 10).await?;
        assert_eq!(found.iter().map(|refused| refused.count).collect::<Vec<_>>(), [2]);
        Ok(())
    })
}

#[test]
fn only_so_many_are_kept() -> Outcome {
    on_each_database(async |world| {
        let store = world.app.store();
        // Ten thousand of one moment, as a scanner makes them.
        let series = match store.dialect() {
            Dialect::Sqlite => {
                "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10005)
                 INSERT INTO refusals SELECT 'poll', 'unknown_device', '00000000-0000-0000-0000-000000000000', 'd' || x, '192.0.2.9', 1, 5, 5 FROM n"
            }
            Dialect::Postgres => {
                "INSERT INTO refusals SELECT 'poll', 'unknown_device', '00000000-0000-0000-0000-000000000000', 'd' || x, '192.0.2.9', 1, 'epoch', 'epoch'
                 FROM generate_series(1, 10005) x"
            }
        };
        store.execute(vec![Op::new(series, args![])]).await?;
        refused_poll(world, 77, Ipv4Addr::new(192, 0, 2, 1)).await;
        world.app.devices().flush_presence().await?;
        let count = store::Query::new("SELECT count(*) FROM refusals", args![]);
        assert_eq!(store.fetch(count).await?[0].int(0)?, 10_000);
        let newest = world.app.devices().refusals(&World::by(), 1).await?;
        assert_eq!(newest[0].address, "192.0.2.1");
        Ok(())
    })
}
