//! What happens with people, all over the installation.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::plan::{Call, Dice, Step};

/// `life-in-a-test-99`, hashed as accounts that were brought along are.
pub(crate) const PASSWORD: &str = "life-in-a-test-99";
pub(crate) const HASH: &str =
    "pbkdf2_sha256$1000$lifetestsalt$vSwrxNIPooTRed/Nk0tjXZH103PF/O0Kh+AmfF0UXuo=";

/// Accounts as far as the plan knows them.
#[derive(Debug, Default)]
pub(crate) struct People {
    all: Vec<Person>,
    groups: Vec<Uuid>,
    counted: usize,
}

#[derive(Debug)]
struct Person {
    id: Uuid,
    username: String,
    has_password: bool,
    places: Vec<Uuid>,
    tokens: Vec<Uuid>,
}

impl People {
    /// With those who were there before.
    pub(crate) fn with(old: &[(Uuid, String)]) -> Self {
        let person = |(id, username): &(Uuid, String)| Person {
            id: *id,
            username: username.clone(),
            has_password: true,
            places: Vec::new(),
            tokens: Vec::new(),
        };
        Self { all: old.iter().map(person).collect(), ..Self::default() }
    }

    /// Requests of a week, in order. `places` are organizations that outlive it.
    pub(crate) fn week(&mut self, steps: usize, places: &[Uuid], dice: &mut Dice) -> Vec<Step> {
        let mut week = vec![self.new_person(places, dice)];
        while week.len() < steps {
            week.extend(self.step(places, dice));
        }
        week
    }

    /// An organization is gone.
    pub(crate) fn leave(&mut self, place: Uuid) {
        for person in &mut self.all {
            person.places.retain(|it| *it != place);
        }
    }

    fn step(&mut self, places: &[Uuid], dice: &mut Dice) -> Option<Step> {
        match dice.below(9) {
            0 => Some(self.new_person(places, dice)),
            1 | 2 => self.change(dice),
            3 => self.join(places, dice),
            4 => self.new_token(dice),
            5 => self.end_token(dice),
            6 => Some(self.new_group(dice)),
            7 => self.change_group(dice),
            _ => self.end(dice),
        }
    }

    fn next(&mut self) -> usize {
        self.counted += 1;
        self.counted
    }

    fn one(&mut self, dice: &mut Dice) -> Option<&mut Person> {
        let index = dice.below(self.all.len());
        self.all.get_mut(index)
    }

    fn new_person(&mut self, places: &[Uuid], dice: &mut Dice) -> Step {
        let (id, number) = (dice.id(), self.next());
        let place = dice.pick(places).copied().filter(|_| dice.one_in(2));
        let has_password = dice.one_in(3);
        let mut input = json!({ "id": id, "username": format!("person-{number}"), "firstName": format!("First {number}"),
            "email": format!("person.{number}@life.example"), "emailVerified": true,
            "memberships": place.iter().map(|place| json!({ "organizationId": place, "manager": false })).collect::<Value>() });
        if has_password {
            input["passwordHash"] = json!(HASH);
        }
        let username = format!("person-{number}");
        let places = place.into_iter().collect();
        self.all.push(Person { id, username, has_password, places, tokens: Vec::new() });
        Call::mutation("createUser", input)
    }

    fn change(&mut self, dice: &mut Dice) -> Option<Step> {
        let number = self.next();
        let person = self.one(dice)?;
        let mut input = json!({ "id": person.id, "clientMutationId": dice.id() });
        match dice.below(5) {
            0 => {
                person.username = format!("renamed-{number}");
                input["username"] = json!(person.username);
            }
            1 => input["bio"] = json!(format!("plays the {number}th violin")),
            2 => input["phone"] = json!(format!("+39 333 77 {number:05}")),
            3 => input["email"] = json!(format!("changed.{number}@life.example")),
            _ => input["lastName"] = json!(format!("Last {number}")),
        }
        Some(Call::mutation("changeUser", input))
    }

    fn join(&mut self, places: &[Uuid], dice: &mut Dice) -> Option<Step> {
        let place = *dice.pick(places)?;
        let person = self.one(dice)?;
        let is_there = person.places.contains(&place);
        if is_there {
            person.places.retain(|it| *it != place);
            let input = json!({ "userId": person.id, "organizationId": place, "clientMutationId": dice.id() });
            return Some(Call::mutation("leaveOrganization", input));
        }
        person.places.push(place);
        let membership = json!({ "organizationId": place, "manager": false });
        Some(Call::mutation(
            "changeUser",
            json!({ "id": person.id, "membership": membership, "clientMutationId": dice.id() }),
        ))
    }

    fn new_token(&mut self, dice: &mut Dice) -> Option<Step> {
        let (id, number) = (dice.id(), self.next());
        let person = self.one(dice)?;
        person.tokens.push(id);
        let input = json!({ "id": id, "userId": person.id, "name": format!("token {number}"), "readOnly": dice.one_in(2) });
        Some(Call::mutation("createToken", input))
    }

    fn end_token(&mut self, dice: &mut Dice) -> Option<Step> {
        let id = self.one(dice)?.tokens.pop()?;
        Some(Call::mutation("revokeToken", json!({ "id": id, "clientMutationId": dice.id() })))
    }

    fn new_group(&mut self, dice: &mut Dice) -> Step {
        let (id, number) = (dice.id(), self.next());
        self.groups.push(id);
        let input =
            json!({ "id": id, "name": format!("may {number}"), "permissions": ["view_device"] });
        Call::mutation("createPermissionGroup", input)
    }

    fn change_group(&mut self, dice: &mut Dice) -> Option<Step> {
        let number = self.next();
        let index = dice.below(self.groups.len());
        let id = *self.groups.get(index)?;
        let mut input = json!({ "id": id, "clientMutationId": dice.id() });
        if dice.one_in(3) {
            self.groups.swap_remove(index);
            return Some(Call::mutation("removePermissionGroup", input));
        }
        input["name"] = json!(format!("may {number}"));
        input["permissions"] = json!(["view_device", "view_template"]);
        Some(Call::mutation("changePermissionGroup", input))
    }

    /// Most people are erased, some only leave.
    fn end(&mut self, dice: &mut Dice) -> Option<Step> {
        if self.all.len() < 3 {
            return None;
        }
        let person = self.all.swap_remove(dice.below(self.all.len()));
        let name = if dice.one_in(4) { "removeUser" } else { "eraseUser" };
        Some(Call::mutation(name, json!({ "id": person.id, "clientMutationId": dice.id() })))
    }

    /// With a password that is right, or not.
    pub(crate) fn log_ins(&mut self, dice: &mut Dice) -> Vec<Step> {
        let known: Vec<&Person> = self.all.iter().filter(|person| person.has_password).collect();
        let Some(person) = dice.pick(&known) else { return Vec::new() };
        let succeeds = !dice.one_in(3);
        let password = if succeeds { PASSWORD } else { "wrong" };
        let username = person.username.clone();
        vec![Step::of(Call::LogIn { username, password, succeeds })]
    }
}
