//! What there was at a moment, as a list.

use std::collections::BTreeMap;

use app::{Failure, Moment, PastFilter};
use domain::{DeviceId, OrganizationId, TemplateId, authority::Role};
use projections::{
    Stretch,
    device::{DeviceFilter, DeviceOrder},
    template::TemplateFilter,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::{
    history::{Network, STEPS},
    tenancy::account,
    world::{HARBOUR, HILLS, Outcome, World, on_each_database},
};

/// Names and owners by id, as tables and lists tell them.
type Told<T> = BTreeMap<T, (Option<OrganizationId>, String)>;

struct Remembered {
    position: i64,
    devices: Told<DeviceId>,
    templates: Told<TemplateId>,
}

impl Remembered {
    async fn now(world: &World) -> Outcome<Self> {
        let by = World::by();
        let window = || Stretch { limit: 1000, after: None, before: None, from_end: false };
        let order = (DeviceOrder::Created, false);
        let filter = DeviceFilter::default();
        let devices = world.app.devices().stretch(&by, filter, order, window()).await?;
        let filter = TemplateFilter::default();
        let named = (projections::NamedOrder::Name, false);
        let templates = world.app.templates().stretch(&by, filter, named, window()).await?;
        assert_eq!(devices.position, templates.position);
        let told = devices.rows.into_iter().map(|(_, row)| row);
        let devices = told.map(|row| (row.id, (Some(row.organization_id), row.name)));
        let told = templates.rows.into_iter().map(|(_, row)| row);
        Ok(Self {
            position: templates.position,
            devices: devices.collect(),
            templates: told.map(|row| (row.id, (row.organization_id, row.name))).collect(),
        })
    }

    /// Page by page, from either end.
    async fn is_listed(&self, world: &World, at: Moment, from_end: bool) -> Outcome {
        let (history, by, all) = (world.app.history(), World::by(), PastFilter::default());
        let (mut devices, mut templates) = (Told::new(), Told::new());
        let first = || Stretch { limit: 2, after: None, before: None, from_end };
        let mut stretch = first();
        loop {
            let page = history.devices_at(&by, at, &all, &stretch).await?;
            assert_eq!((page.position, page.count), (self.position, self.devices.len() as u64));
            assert!(page.rows.len() <= 2);
            let end = if from_end { page.rows.first() } else { page.rows.last() };
            let end = end.map(|(place, _)| place.clone());
            for (_, past) in page.rows {
                let alone =
                    history.device_at(&by, past.id, Moment::Position(self.position)).await?;
                assert_eq!(past, alone, "as it is alone");
                let before = devices.insert(past.id, (Some(past.organization_id), past.name));
                assert!(before.is_none(), "told twice");
            }
            if !page.more {
                break;
            }
            if from_end { stretch.before = end } else { stretch.after = end }
        }
        stretch = first();
        loop {
            let page = history.templates_at(&by, at, &all, &stretch).await?;
            assert_eq!((page.position, page.count), (self.position, self.templates.len() as u64));
            let end = if from_end { page.rows.first() } else { page.rows.last() };
            let end = end.map(|(place, _)| place.clone());
            for (_, past) in page.rows {
                templates.insert(past.id, (past.organization_id, past.name));
            }
            if !page.more {
                break;
            }
            if from_end { stretch.before = end } else { stretch.after = end }
        }
        assert_eq!(devices, self.devices);
        assert_eq!(templates, self.templates);
        Ok(())
    }
}

#[test]
fn lists_of_the_past_are_those_that_there_were() -> Outcome {
    for seed in 30..33 {
        on_each_database(async |world| {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let mut network = Network::found(world).await?;
            let mut remembered = vec![Remembered::now(world).await?];
            for _ in 0..STEPS {
                network.step(world, &mut dice).await?;
                remembered.push(Remembered::now(world).await?);
            }
            let last = remembered.last().ok_or("a moment")?;
            last.is_listed(world, Moment::Now, false).await?;
            for (number, past) in remembered.iter().enumerate().step_by(5) {
                past.is_listed(world, Moment::Position(past.position), number % 2 == 0).await?;
            }
            let (history, by, all) = (world.app.history(), World::by(), PastFilter::default());
            let few = Stretch { limit: 5, after: None, before: None, from_end: false };
            let none = history.devices_at(&by, Moment::Position(0), &all, &few).await?;
            assert_eq!(none.count, 0);
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_list_of_the_past_is_for_whoever_had_the_thing_then_and_has_it_now() -> Outcome {
    on_each_database(async |world| {
        let (app, system) = (&world.app, World::by());
        world.template(11, Some(HARBOUR), "of the harbour\n", (false, false)).await?;
        world.template(12, None, "of all\n", (false, false)).await?;
        let stays = world.register(HARBOUR, 1).await?.device_id;
        let goes = world.register(HARBOUR, 2).await?.device_id;
        let ends = world.register(HARBOUR, 3).await?.device_id;
        let harbour = account(world, 1, &[Role::Administrator], &[(HARBOUR, true)]).await?;
        let hills = account(world, 2, &[Role::Administrator], &[(HILLS, true)]).await?;
        let then = Moment::Position(app.store().head());
        let to = app::DeviceChange { organization_id: Some(HILLS), ..Default::default() };
        app.devices().change(&system, goes, to).await?;
        app.devices().remove(&system, ends, true).await?;
        let all = Stretch { limit: 10, after: None, before: None, from_end: false };
        let listed = async |by, at, filter: &PastFilter| -> Outcome<Vec<DeviceId>> {
            let page = app.history().devices_at(by, at, filter, &all).await?;
            assert_eq!(page.count, page.rows.len() as u64);
            Ok(page.rows.into_iter().map(|(_, past)| past.id).collect())
        };
        let any = PastFilter::default();
        assert_eq!(listed(&system, then, &any).await?, [stays, goes, ends]);
        assert_eq!(listed(&harbour, then, &any).await?, [stays, ends]);
        assert_eq!(listed(&hills, then, &any).await?, []);
        assert_eq!(listed(&harbour, Moment::Now, &any).await?, [stays]);
        assert_eq!(listed(&hills, Moment::Now, &any).await?, [goes]);
        let of_hills = PastFilter { organizations: Some(vec![HILLS]), ..any.clone() };
        assert_eq!(listed(&system, Moment::Now, &of_hills).await?, [goes]);
        assert_eq!(listed(&system, then, &of_hills).await?, []);
        let one = PastFilter { ids: Some(vec![goes.as_uuid()]), ..any.clone() };
        assert_eq!(listed(&system, then, &one).await?, [goes]);
        assert_eq!(listed(&harbour, then, &one).await?, []);

        let templates = app.history().templates_at(&hills, then, &any, &all).await?;
        let names: Vec<_> = templates.rows.iter().map(|(_, it)| it.name.as_str()).collect();
        assert_eq!(names, ["template 12"]);
        let stranger = account(world, 3, &[Role::Administrator], &[]).await?;
        let refused = app.history().devices_at(&stranger, then, &any, &all).await.unwrap_err();
        assert!(matches!(refused, Failure::Forbidden));
        let head = app.store().head();
        let wrong = Moment::Position(head + 1);
        let refused = app.history().devices_at(&system, wrong, &any, &all).await.unwrap_err();
        let Failure::Invalid(errors) = refused else { panic!("{refused:?}") };
        assert_eq!(errors[0].field, "asOf");
        Ok(())
    })
}
