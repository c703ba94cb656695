use std::sync::Arc;

use serde_json::json;
use store::{
    Dialect, Fault, Mode, Op, Options, Projection, Query, Rebuild, Recorded, Store, args,
    reach::{narrow, watched},
};
use uuid::Uuid;

use crate::world::{World, append, on_each_database};

const MINE: Uuid = Uuid::from_u128(0xA);
const THEIRS: Uuid = Uuid::from_u128(0xB);

/// A device group for each event, by its organization.
struct Groups;

impl Projection for Groups {
    fn name(&self) -> &'static str {
        "groups.v1"
    }

    fn mode(&self) -> Mode {
        Mode::Inline
    }

    fn tables(&self) -> &'static [&'static str] {
        &["device_groups"]
    }

    fn wants(&self, event_type: &str) -> bool {
        event_type == "group.made"
    }

    fn apply(&self, event: &Recorded) -> Result<Vec<Op>, Fault> {
        let owner = if event.position % 2 == 0 { MINE } else { THEIRS };
        Ok(vec![Op::new(
            "INSERT INTO device_groups (id, organization_id, name, description, templates, variables, meta_data, removed, changed, created_at, modified_at)
             VALUES ($1, $2, 'n', '', '[]', '{}', '{}', false, $3, $4, $4)",
            args![Uuid::from_u128(event.position.unsigned_abs().into()), owner, event.position, event.recorded_at],
        )])
    }
}

async fn open(world: &World, row_level_security: bool) -> Store {
    let options = Options::new(world.location(), Arc::new(crate::world::Macs), world.clock.clone());
    let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Groups)];
    Store::open(Options { projections, row_level_security, ..options }).await.unwrap()
}

fn all() -> Query {
    Query::new("SELECT organization_id FROM device_groups ORDER BY id", args![])
}

async fn owners(store: &Store, query: Query) -> Vec<Uuid> {
    let alone = store.fetch(query.clone()).await.unwrap();
    let together = store.snapshot(vec![query.clone(), all().whole(), query]).await.unwrap().results;
    assert_eq!(together[1].len(), 4, "a rule sees everything, also beside others");
    assert_eq!((&together[0], &together[2]), (&alone, &alone));
    alone.iter().map(|row| row.uuid(0).unwrap()).collect()
}

#[test]
fn postgres_holds_requests_to_what_they_reach() {
    on_each_database(async |world| {
        let bounded = world.dialect == Dialect::Postgres;
        let store = open(world, bounded).await;
        for number in 1..=4 {
            append(&store, number, "group.made", json!({})).await;
        }
        let everything = [THEIRS, MINE, THEIRS, MINE];
        // A statement without any condition of its own.
        let look = async |store: &Store| {
            watched(async {
                assert_eq!(owners(store, all()).await, everything, "nobody is known yet");
                narrow(Some(&[MINE]));
                let mine: &[Uuid] = if bounded { &[MINE, MINE] } else { &everything };
                assert_eq!(owners(store, all()).await, mine);
                assert_eq!(owners(store, all().whole()).await, everything, "a rule asks");
                narrow(Some(&[]));
                assert_eq!(owners(store, all()).await.is_empty(), bounded);
                narrow(Some(&[THEIRS, MINE]));
                assert_eq!(owners(store, all()).await, everything);
                // Writing is not bound: what may be written was decided before.
                narrow(Some(&[MINE]));
                let change = Op::new("UPDATE device_groups SET description = 'x'", args![]);
                assert_eq!(store.execute(vec![change]).await.unwrap(), [4]);
                narrow(None);
                assert_eq!(owners(store, all()).await, everything, "everything is in reach");
            })
            .await;
            assert_eq!(owners(store, all()).await, everything, "no request asks");
        };
        look(&store).await;
        let projection: Arc<dyn Projection> = Arc::new(Groups);
        Rebuild::new(store.clone()).projection(&projection).await.unwrap();
        // New tables have the policy, too.
        look(&store).await;
        store.close().await;

        // Again, on what is there; and without: what is there binds nobody.
        let store = open(world, bounded).await;
        look(&store).await;
        store.close().await;
        if bounded {
            let store = open(world, false).await;
            watched(async {
                narrow(Some(&[MINE]));
                assert_eq!(owners(&store, all()).await, everything);
            })
            .await;
            store.close().await;
        }
    });
}
