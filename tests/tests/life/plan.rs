//! What happens in a life: drawn from a seed, before anything happens.
//!
//! Every id, name and key that a client may choose is chosen here, so that the same seed asks the same of every database. What
//! is planned is allowed: a refusal is a fault. Within a week organizations live side by side; requests of one lane follow each
//! other. What would come out in another order on another day (two changes of the lists of the same devices' templates) does
//! not stand in the same week.

use rand::{Rng as _, RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use crate::{organization::Organization, people::People};

/// How much happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) weeks: usize,
    /// Organizations at a time.
    pub(crate) organizations: usize,
    /// Requests of an organization in a week.
    pub(crate) steps: usize,
    /// Deaths of the program in a week, at most.
    pub(crate) kills: usize,
}

/// A whole life.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) weeks: Vec<Week>,
    /// Devices whose id the client chose: its address and id.
    pub(crate) chosen: Vec<(String, String)>,
    /// What agents prove themselves with, by address.
    pub(crate) keys: Vec<(String, String)>,
}

/// What was there before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Old {
    /// Id and shared secret.
    pub(crate) organizations: Vec<(Uuid, String)>,
    /// Address, id and key, one for each organization.
    pub(crate) devices: Vec<(String, Uuid, String)>,
    /// Accounts and what they log in with.
    pub(crate) people: Vec<(Uuid, String)>,
}

/// What happens in a week.
#[derive(Debug, Default)]
pub(crate) struct Week {
    /// One after the other, before the rest.
    pub(crate) first: Vec<Step>,
    /// Side by side.
    pub(crate) lanes: Vec<Vec<Step>>,
    /// When everything has come to rest, and nobody dies.
    pub(crate) last: Vec<Step>,
    /// Are all tables filled again meanwhile?
    pub(crate) rebuild: bool,
}

/// One request, repeated until it is answered.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) call: Call,
    /// Does the program die of it?
    pub(crate) kill: Option<Kill>,
}

/// When the program dies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kill {
    /// When so many small requests that were sent after it are answered.
    During(u32),
    /// When it is answered.
    After,
}

/// What is asked. Where a text is `@` and an address, the id of that device takes its place.
#[derive(Debug)]
pub(crate) enum Call {
    Mutation {
        name: &'static str,
        input: Value,
    },
    /// Without a key it may be carried out twice, and says what is to be.
    Rest {
        method: Method,
        path: String,
        body: Value,
        key: Option<String>,
    },
    /// An agent makes itself known.
    Register {
        secret: String,
        name: String,
        mac_address: String,
    },
    /// An agent asks, downloads and reports; nothing where it is not served.
    Visit {
        mac_address: String,
        report: &'static str,
    },
    /// Somebody logs in. Each try is a fact, so it is not repeated.
    LogIn {
        username: String,
        password: &'static str,
        succeeds: bool,
    },
}

impl Call {
    pub(crate) fn mutation(name: &'static str, input: Value) -> Step {
        Step { call: Self::Mutation { name, input }, kill: None }
    }
}

impl Step {
    pub(crate) fn of(call: Call) -> Self {
        Self { call, kill: None }
    }
}

/// Draws everything.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn of(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// `0..n`; 0 of nothing.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// Once in `n` times.
    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.0.random_ratio(1, n)
    }

    pub(crate) fn id(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.choose(&mut self.0)
    }

    /// Something that templates read.
    pub(crate) fn variables(&mut self) -> Value {
        json!({ "word": format!("w{}", self.below(9)), "place": format!("p{}", self.below(3)) })
    }

    /// Something to be rendered.
    pub(crate) fn contents(&mut self) -> Value {
        let word = format!("c{}", self.below(1000));
        match self.below(4) {
            0 => json!({ "general": { "timezone": "UTC", "maintainer": word } }),
            1 => {
                json!({ "interfaces": [{ "name": format!("eth{}", self.below(3)), "type": "ethernet",
                "addresses": [{ "proto": "dhcp", "family": "ipv4" }] }] })
            }
            2 => {
                json!({ "ntp": { "enabled": true, "server": [format!("{word}.pool.ntp.example")] } })
            }
            _ => json!({ "files": [{ "path": format!("/etc/f{}", self.below(3)), "mode": "0644",
                "contents": format!("{word} {{{{ word }}}} {{{{ place }}}} {{{{ name }}}} {{{{ key }}}}\n") }] }),
        }
    }
}

impl Plan {
    pub(crate) fn of(seed: u64, scale: Scale, old: &Old) -> Self {
        let mut dice = Dice::of(seed);
        let inherited = old.organizations.iter().zip(&old.devices).enumerate();
        let mut organizations: Vec<Organization> = inherited
            .map(|(number, (one, device))| {
                Organization::inherited(number, one.clone(), device.clone())
            })
            .collect();
        let mut people = People::with(&old.people);
        let mut shared = Vec::new();
        let mut weeks = Vec::new();
        for number in 0..scale.weeks {
            let mut week = Week { rebuild: number % 3 == 1, ..Week::default() };
            while organizations.iter().filter(|one| one.lives).count() < scale.organizations {
                let (new, step) = Organization::found(organizations.len(), &mut dice);
                organizations.push(new);
                week.first.push(step);
            }
            week.first.extend(shared_step(&mut shared, number, &mut dice));
            week.first.extend(move_step(&mut organizations, &mut dice));
            // One of them ends, from the third week on, while the others go on.
            let ending = (number % 3 == 2).then(|| {
                let living: Vec<usize> =
                    (0..organizations.len()).filter(|index| organizations[*index].lives).collect();
                dice.pick(&living).copied()
            });
            let ending = ending.flatten();
            let places: Vec<Uuid> = organizations
                .iter()
                .enumerate()
                .filter(|(index, one)| one.lives && Some(*index) != ending)
                .map(|(_, one)| one.id)
                .collect();
            for (index, one) in organizations.iter_mut().enumerate() {
                if one.lives {
                    week.lanes.push(one.week(scale.steps, Some(index) == ending, &mut dice));
                }
            }
            week.lanes.push(people.week(scale.steps, &places, &mut dice));
            week.last = people.log_ins(&mut dice);
            if let Some(index) = ending {
                people.leave(organizations[index].id);
            }
            week.endanger(scale.kills, &mut dice);
            weeks.push(week);
        }
        let all = organizations.iter().flat_map(|one| one.devices.iter().chain(&one.gone));
        let chosen =
            all.clone().filter_map(|it| Some((it.mac_address.clone(), it.id?.to_string())));
        let keys = all.clone().map(|it| (it.mac_address.clone(), it.key.clone()));
        Self { weeks, chosen: chosen.collect(), keys: keys.collect() }
    }

    /// Is there such a mutation?
    pub(crate) fn asks(&self, mutation: &str) -> bool {
        let mut steps = self.weeks.iter().flat_map(Week::steps);
        steps.any(|step| matches!(&step.call, Call::Mutation { name, .. } if *name == mutation))
    }

    /// How many requests there are.
    pub(crate) fn len(&self) -> usize {
        self.weeks.iter().map(|week| week.steps().count()).sum()
    }
}

impl Week {
    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.first.iter().chain(self.lanes.iter().flatten()).chain(&self.last)
    }

    fn endanger(&mut self, kills: usize, dice: &mut Dice) {
        let all = self.first.iter_mut().chain(self.lanes.iter_mut().flatten());
        let mut all: Vec<&mut Step> = all.collect();
        for _ in 0..kills {
            let count = all.len();
            let Some(step) = all.get_mut(dice.below(count)) else { return };
            let looks = u32::try_from(dice.below(6)).unwrap_or(0);
            step.kill = Some(if dice.one_in(3) { Kill::After } else { Kill::During(looks) });
        }
    }
}

/// A template that belongs to all: made, changed or removed.
fn shared_step(shared: &mut Vec<Uuid>, week: usize, dice: &mut Dice) -> Option<Step> {
    match dice.below(4) {
        0 | 1 if shared.len() < 3 => {
            let id = dice.id();
            shared.push(id);
            let input = json!({ "id": id, "name": format!("shared {week}"), "backend": "netjsonconfig.OpenWrt",
                "config": dice.contents(), "defaultValues": dice.variables(), "default": dice.one_in(2) });
            Some(Call::mutation("createTemplate", input))
        }
        2 if !shared.is_empty() => {
            let id = shared.swap_remove(dice.below(shared.len()));
            let input = json!({ "id": id, "clientMutationId": dice.id() });
            Some(Call::mutation("removeTemplate", input))
        }
        _ => {
            let id = *dice.pick(shared)?;
            let input =
                json!({ "id": id, "config": dice.contents(), "clientMutationId": dice.id() });
            Some(Call::mutation("changeTemplate", input))
        }
    }
}

/// A device goes from one organization to another.
fn move_step(organizations: &mut [Organization], dice: &mut Dice) -> Option<Step> {
    let living: Vec<usize> =
        (0..organizations.len()).filter(|index| organizations[*index].lives).collect();
    let (from, to) = (*dice.pick(&living)?, *dice.pick(&living)?);
    if from == to || dice.one_in(2) {
        return None;
    }
    let served: Vec<usize> = organizations[from].served().collect();
    let mut device = organizations[from].devices.remove(*dice.pick(&served)?);
    device.group = None;
    let input = json!({ "id": device.reference(), "organizationId": organizations[to].id,
        "groupId": null, "clientMutationId": dice.id() });
    organizations[to].devices.push(device);
    Some(Call::mutation("changeDevice", input))
}
