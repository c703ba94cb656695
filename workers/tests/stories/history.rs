//! Random histories: whatever was done in whatever order, archives, tables and memory are what the events say.

use std::sync::Arc;

use app::{
    By, ConfigurationChange, DeviceChange, Failure, GroupChange, NewGroup, OrganizationChange,
    Rendering, TemplateChange,
};
use domain::{
    DeviceId, Document, GroupId, OrganizationId, TemplateId,
    configuration::{ConfigurationStatus, ReportedStatus},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use store::{Interpreter, Query, args, verify_projections};
use uuid::Uuid;

use crate::world::{HARBOUR, HILLS, Outcome, PEER, World, document, file, on_each_database};

/// Steps of a history.
pub(crate) const STEPS: usize = 70;

#[test]
fn archives_tables_and_memory_are_what_the_events_say() -> Outcome {
    for seed in 0..3 {
        on_each_database(async |world| {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let mut network = Network::found(world).await?;
            for _ in 0..STEPS {
                network.step(world, &mut dice).await?;
            }
            world.settle().await?;
            proven(world, &network.devices).await
        })?;
    }
    Ok(())
}

pub(crate) struct Network {
    pub(crate) devices: Vec<(DeviceId, String)>,
    templates: Vec<TemplateId>,
    groups: Vec<GroupId>,
    registered: u32,
}

impl Network {
    pub(crate) async fn found(world: &World) -> Outcome<Self> {
        let templates = vec![
            world.template(11, Some(HARBOUR), "a {{ word }} {{ name }}\n", (false, false)).await?,
            world.template(12, Some(HARBOUR), "b {{ word }}\n", (true, false)).await?,
            world.template(13, None, "shared {{ word }}\n", (false, false)).await?,
            world.template(14, Some(HARBOUR), "c\n", (false, false)).await?,
        ];
        let mut groups = Vec::new();
        for number in 0..2 {
            let id = GroupId::from_uuid(Uuid::from_u128(30 + number));
            let new = NewGroup {
                id,
                organization_id: HARBOUR,
                name: format!("group {number}"),
                description: String::new(),
                templates: vec![templates[usize::try_from(number)?]; usize::from(number == 0)],
                context: document(json!({ "word": format!("group-{number}") })),
                meta_data: Document::new(),
            };
            world.app.groups().create(&World::by(), new).await?;
            groups.push(id);
        }
        Ok(Self { devices: Vec::new(), templates, groups, registered: 0 })
    }

    /// One thing that operators or devices do; refusals are part of life, our own faults are not.
    pub(crate) async fn step(&mut self, world: &World, dice: &mut ChaCha8Rng) -> Outcome {
        let (app, by) = (&world.app, World::by());
        let value = format!("w{}", dice.random_range(0..4));
        let words = document(json!({ "word": value }));
        let template = self.templates[dice.random_range(0..self.templates.len())];
        let group = self.groups[dice.random_range(0..self.groups.len())];
        if self.devices.is_empty() || dice.random_range(0..8) == 0 {
            self.registered += 1;
            let registered = world.register(HARBOUR, self.registered).await?;
            self.devices.push((registered.device_id, registered.key));
            return Ok(());
        }
        let (device, key) = self.devices[dice.random_range(0..self.devices.len())].clone();
        let change = async |change| app.devices().change(&by, device, change).await;
        let outcome = match dice.random_range(0..17) {
            0 => change(of_configuration(|own| own.config = Some(file("/etc/own", &value))))
                .await
                .map(drop),
            1 => change(of_configuration(|own| own.context = Some(words.clone()))).await.map(drop),
            2 => {
                change(of_configuration(|own| own.templates = Some(vec![template]))).await.map(drop)
            }
            3 => {
                let wanted = (dice.random_ratio(1, 2)).then_some(group);
                change(DeviceChange { group: Some(wanted), ..DeviceChange::default() })
                    .await
                    .map(drop)
            }
            4 => {
                let name = Some(format!("renamed-{value}-{}", dice.random_range(0..50)));
                change(DeviceChange { name, ..DeviceChange::default() }).await.map(drop)
            }
            5 => {
                let to = if dice.random_ratio(1, 4) { HILLS } else { HARBOUR };
                change(DeviceChange { organization_id: Some(to), ..DeviceChange::default() })
                    .await
                    .map(drop)
            }
            6 => app.devices().deactivate(&by, device).await.map(drop),
            7 => app.devices().activate(&by, device).await.map(drop),
            8 => self.remove(world, &by, device, dice.random_ratio(1, 2)).await,
            9 => {
                let config = Some(file("/etc/t", &format!("{value} {{{{ word }}}}\n")));
                app.templates()
                    .change(&by, template, TemplateChange { config, ..TemplateChange::default() })
                    .await
                    .map(drop)
            }
            10 => {
                let default_values = Some(words);
                app.templates()
                    .change(
                        &by,
                        template,
                        TemplateChange { default_values, ..TemplateChange::default() },
                    )
                    .await
                    .map(drop)
            }
            11 => {
                let (default, required) =
                    (Some(dice.random_ratio(1, 2)), Some(dice.random_ratio(1, 4)));
                app.templates()
                    .change(
                        &by,
                        template,
                        TemplateChange { default, required, ..TemplateChange::default() },
                    )
                    .await
                    .map(drop)
            }
            12 => app
                .groups()
                .change(&by, group, GroupChange { context: Some(words), ..GroupChange::default() })
                .await
                .map(drop),
            13 => {
                let templates = Some(vec![template]);
                app.groups()
                    .change(&by, group, GroupChange { templates, ..GroupChange::default() })
                    .await
                    .map(drop)
            }
            14 => {
                let change =
                    OrganizationChange { context: Some(words), ..OrganizationChange::default() };
                app.organizations().change(&by, HARBOUR, change).await.map(drop)
            }
            15 => {
                world.settle().await?;
                Ok(())
            }
            _ => {
                // Polls and reports may be refused, for example of deactivated devices.
                drop(app.agents().checksum(device, Some(&key), None, PEER).await);
                drop(app.agents().download(device, Some(&key), None, PEER).await);
                drop(app.agents().report(device, Some(&key), ReportedStatus::Applied, PEER).await);
                Ok(())
            }
        };
        match outcome {
            Err(failure @ (Failure::Broken(_) | Failure::Busy | Failure::Unavailable)) => {
                Err(failure.into())
            }
            _ => Ok(()),
        }
    }

    async fn remove(
        &mut self,
        world: &World,
        by: &By,
        device: DeviceId,
        force: bool,
    ) -> Result<(), Failure> {
        world.app.devices().remove(by, device, force).await?;
        self.devices.retain(|(id, _)| *id != device);
        Ok(())
    }
}

pub(crate) fn of_configuration(set: impl FnOnce(&mut ConfigurationChange)) -> DeviceChange {
    let mut own = ConfigurationChange::default();
    set(&mut own);
    DeviceChange { configuration: Some(own), ..DeviceChange::default() }
}

/// Stored archives equal fresh ones, tables equal a rebuild, and polls answer what the log says.
async fn proven(world: &World, devices: &[(DeviceId, String)]) -> Outcome {
    let store = world.app.store();
    let mut seen = 0;
    for (device, key) in devices {
        let Some(held) = projections::configuration::by_device(
            store,
            &domain::authority::ReadScope::of_rules(),
            *device,
        )
        .await?
        else {
            continue;
        };
        if held.status != ConfigurationStatus::Deactivated {
            let md5 = world.app.agents().checksum(*device, Some(key), None, PEER).await?;
            assert_eq!(Some(md5), held.archive.as_ref().map(|archive| archive.md5.clone()));
        }
        // Forgets what the rendering was computed from: it is computed afresh.
        let forget =
            store::Op::new("DELETE FROM renderings WHERE device_id = $1", args![device.as_uuid()]);
        store.execute(vec![forget]).await?;
        let rendering = world.app.configurations().render(*device).await?;
        assert_eq!(rendering, Rendering::Equal, "device {device}, {:?}", held.status);
        let bytes = world.app.configurations().archive_of(&World::by(), *device).await?;
        assert_eq!(Some(bytes.md5), held.archive.map(|archive| archive.md5));
        seen += 1;
    }
    let count = store.fetch(Query::new("SELECT count(*) FROM configurations", args![])).await?;
    assert_eq!(count[0].int(0)?, seen, "every configuration was looked at");

    // What is live is what the events say, and what a long rebuild of them puts in its place is the same.
    let interpreter: Arc<dyn Interpreter> = Arc::new(projections::Catalogue);
    let reports =
        verify_projections(&world.location, &projections::all(), &interpreter, |_, _| {}).await?;
    for report in reports {
        let differences: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
        assert!(report.is_sound(), "{}: {:?} {differences:?}", report.name, report.fault);
    }
    store::Rebuild::new(store.clone()).long_from(1).all().await?;
    let all = projections::all();
    for report in verify_projections(&world.location, &all, &interpreter, |_, _| {}).await? {
        assert!(report.is_sound(), "{}: {:?}", report.name, report.fault);
    }
    let chain = store.verify_chain(None, |_| {}).await?;
    assert!(chain.first_bad.is_none(), "{chain:?}");
    no_organization_is_left_out(devices.len(), world).await
}

async fn no_organization_is_left_out(devices: usize, world: &World) -> Outcome {
    let mut counted = 0;
    for organization in [HARBOUR, HILLS] {
        counted += projections::device::count_of(world.app.store(), organization).await?;
    }
    assert_eq!(usize::try_from(counted)?, devices);
    let places: [OrganizationId; 2] = [HARBOUR, HILLS];
    for place in places {
        let claims = Query::new(
            "SELECT count(*) FROM claims WHERE kind = 'device.place' AND counts_for = $1",
            args![place.as_uuid()],
        );
        let claimed = world.app.store().fetch(claims).await?[0].int(0)?;
        let devices = projections::device::count_of(world.app.store(), place).await?;
        assert_eq!(claimed.unsigned_abs(), devices, "a place for each device");
    }
    Ok(())
}
