//! What an organization's people and devices do.

use serde_json::json;
use uuid::Uuid;

use crate::{
    fleet::Device,
    plan::{Call, Dice, Step},
};

/// An organization as far as the plan knows it.
#[derive(Debug)]
pub(crate) struct Organization {
    pub(crate) id: Uuid,
    pub(crate) number: usize,
    pub(crate) secret: String,
    pub(crate) lives: bool,
    pub(crate) devices: Vec<Device>,
    /// Devices that were removed.
    pub(crate) gone: Vec<Device>,
    pub(crate) templates: Vec<Template>,
    pub(crate) groups: Vec<Group>,
    webhooks: Vec<Uuid>,
    /// Numbers that were given away.
    counted: usize,
}

#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) id: Uuid,
    on_demand: bool,
}

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: Uuid,
    templates: Vec<Uuid>,
}

impl Organization {
    pub(crate) fn found(number: usize, dice: &mut Dice) -> (Self, Step) {
        let (id, secret) = (dice.id(), dice.id().simple().to_string());
        let input = json!({ "id": id, "name": format!("Organization {number}"), "slug": format!("of-{number}"),
            "sharedSecret": secret, "variables": dice.variables() });
        (Self::of(number, id, secret), Call::mutation("createOrganization", input))
    }

    fn of(number: usize, id: Uuid, secret: String) -> Self {
        Self {
            id,
            number,
            secret,
            lives: true,
            devices: Vec::new(),
            gone: Vec::new(),
            templates: Vec::new(),
            groups: Vec::new(),
            webhooks: Vec::new(),
            counted: 0,
        }
    }

    /// One that was there before, with a device.
    pub(crate) fn inherited(
        number: usize,
        (id, secret): (Uuid, String),
        device: (String, Uuid, String),
    ) -> Self {
        let (mac_address, device, key) = device;
        let device = Device {
            mac_address,
            id: Some(device),
            key,
            name: String::new(),
            secret: String::new(),
            active: true,
            group: None,
            old: true,
        };
        Self { devices: vec![device], ..Self::of(number, id, secret) }
    }

    /// Places of its devices that are served, and have the generator that templates are made for.
    pub(crate) fn served(&self) -> impl Iterator<Item = usize> {
        self.devices
            .iter()
            .enumerate()
            .filter(|(_, device)| device.active && !device.old)
            .map(|(index, _)| index)
    }

    /// Requests of a week, in order; perhaps its last one.
    pub(crate) fn week(&mut self, steps: usize, ends: bool, dice: &mut Dice) -> Vec<Step> {
        let mut week = Vec::new();
        while week.len() < steps / 2 {
            week.extend(self.step(dice));
        }
        // One change that reaches many devices in the background, and nothing that it could meet on its way.
        week.extend(self.reaching_many(dice));
        while week.len() < steps {
            week.extend(self.quiet_step(dice));
        }
        if ends {
            self.lives = false;
            self.gone.append(&mut self.devices);
            week.push(Call::mutation(
                "removeOrganization",
                json!({ "id": self.id, "clientMutationId": dice.id() }),
            ));
        }
        week
    }

    pub(crate) fn next(&mut self) -> usize {
        self.counted += 1;
        self.counted
    }

    /// Anything that is about one thing.
    fn step(&mut self, dice: &mut Dice) -> Option<Step> {
        match dice.below(12) {
            0 | 1 => Some(self.new_device(dice)),
            2 if self.groups.len() < 3 => Some(self.new_group(dice)),
            3 if self.templates.len() < 6 => Some(self.new_template(dice)),
            4 => self.own_templates(dice),
            5 => self.group_of_device(dice),
            6 => self.activity(dice),
            7 => self.remove_device(dice),
            8 => Some(self.new_webhook(dice)),
            9 => self.device_values(dice),
            _ => self.quiet_step(dice),
        }
    }

    /// What does not touch what an operation on many devices touches.
    fn quiet_step(&mut self, dice: &mut Dice) -> Option<Step> {
        match dice.below(12) {
            0 => Some(self.register(dice)),
            1 | 2 => self.visit(dice),
            3 => self.rename_device(dice),
            4 | 5 => self.notes(dice),
            6 => self.template_contents(dice),
            7 => self.group_variables(dice),
            8 => Some(self.own_values(dice)),
            9 => self.webhook(dice),
            10 => self.register_again(dice),
            _ => self.device_contents(dice),
        }
    }

    fn reaching_many(&mut self, dice: &mut Dice) -> Option<Step> {
        let on_demand: Vec<usize> =
            (0..self.templates.len()).filter(|index| self.templates[*index].on_demand).collect();
        match dice.below(7) {
            0 => self.many(dice, |dice| json!({ "mergeVariables": dice.variables() })),
            1 => {
                let index = *dice.pick(&on_demand)?;
                let id = self.templates[index].id;
                if self.groups.iter().any(|group| group.templates.contains(&id)) {
                    return None;
                }
                self.templates[index].on_demand = false;
                let required = dice.one_in(2);
                Some(Call::mutation(
                    "changeTemplate",
                    json!({ "id": id, "default": true, "required": required,
                    "clientMutationId": dice.id() }),
                ))
            }
            2 => {
                let gone = self.templates.len().checked_sub(1)?;
                let id = self.templates.swap_remove(dice.below(gone + 1)).id;
                for group in &mut self.groups {
                    group.templates.retain(|it| *it != id);
                }
                Some(Call::mutation(
                    "removeTemplate",
                    json!({ "id": id, "clientMutationId": dice.id() }),
                ))
            }
            3 => {
                let templates: Vec<Uuid> = on_demand
                    .iter()
                    .map(|index| self.templates[*index].id)
                    .filter(|_| dice.one_in(2))
                    .collect();
                let index = dice.below(self.groups.len());
                let group = self.groups.get_mut(index)?;
                group.templates.clone_from(&templates);
                Some(Call::mutation(
                    "changeDeviceGroup",
                    json!({ "id": group.id, "templateIds": templates,
                    "clientMutationId": dice.id() }),
                ))
            }
            4 => {
                let last = self.groups.len().checked_sub(1)?;
                let id = self.groups.swap_remove(dice.below(last + 1)).id;
                for device in self.devices.iter_mut().filter(|device| device.group == Some(id)) {
                    device.group = None;
                }
                Some(Call::mutation(
                    "removeDeviceGroup",
                    json!({ "id": id, "clientMutationId": dice.id() }),
                ))
            }
            5 => {
                let template = self.templates[*dice.pick(&on_demand)?].id;
                self.many(dice, |_| json!({ "addTemplates": [template] }))
            }
            _ => {
                let id = self.groups.get(dice.below(self.groups.len()))?.id;
                let served: Vec<usize> = self.served().collect();
                for index in served {
                    self.devices[index].group = Some(id);
                }
                self.many(dice, |_| json!({ "setGroup": { "groupId": id } }))
            }
        }
    }

    fn new_group(&mut self, dice: &mut Dice) -> Step {
        let (id, number) = (dice.id(), self.next());
        let on_demand = self.templates.iter().filter(|template| template.on_demand);
        let templates: Vec<Uuid> =
            on_demand.map(|template| template.id).filter(|_| dice.one_in(2)).collect();
        let input = json!({ "id": id, "organizationId": self.id, "name": format!("group {number}"),
            "templateIds": templates, "variables": dice.variables(), "metaData": { "floor": number } });
        self.groups.push(Group { id, templates });
        Call::mutation("createDeviceGroup", input)
    }

    fn group_variables(&self, dice: &mut Dice) -> Option<Step> {
        let id = dice.pick(&self.groups)?.id;
        Some(Call::mutation(
            "changeDeviceGroup",
            json!({ "id": id, "variables": dice.variables(), "clientMutationId": dice.id() }),
        ))
    }

    /// Of no device yet.
    fn new_template(&mut self, dice: &mut Dice) -> Step {
        let (id, number) = (dice.id(), self.next());
        self.templates.push(Template { id, on_demand: true });
        let input = json!({ "id": id, "organizationId": self.id, "name": format!("template {number}"),
            "backend": "netjsonconfig.OpenWrt", "config": dice.contents(), "defaultValues": dice.variables(),
            "tags": [format!("tag-{}", number % 3)] });
        Call::mutation("createTemplate", input)
    }

    fn template_contents(&mut self, dice: &mut Dice) -> Option<Step> {
        let number = self.next();
        let id = dice.pick(&self.templates)?.id;
        let mut input = json!({ "id": id, "clientMutationId": dice.id() });
        match dice.below(3) {
            0 => input["name"] = json!(format!("template {number}")),
            1 => input["defaultValues"] = dice.variables(),
            _ => input["config"] = dice.contents(),
        }
        Some(Call::mutation("changeTemplate", input))
    }

    fn own_values(&mut self, dice: &mut Dice) -> Step {
        let number = self.next();
        let mut input = json!({ "id": self.id, "clientMutationId": dice.id() });
        match dice.below(4) {
            0 => input["slug"] = json!(format!("of-{}-{number}", self.number)),
            1 => input["description"] = json!(format!("described {number} times")),
            2 => input["deviceLimit"] = json!(1000 + number),
            _ => input["variables"] = dice.variables(),
        }
        Call::mutation("changeOrganization", input)
    }

    /// It is never told anything: nobody reads secrets here.
    fn new_webhook(&mut self, dice: &mut Dice) -> Step {
        let (id, number) = (dice.id(), self.next());
        self.webhooks.push(id);
        let input = json!({ "id": id, "organizationId": self.id, "name": format!("webhook {number}"),
            "url": "https://hooks.example.org/in", "selection": { "types": ["secret.read"] } });
        Call::mutation("createWebhook", input)
    }

    fn webhook(&mut self, dice: &mut Dice) -> Option<Step> {
        let index = dice.below(self.webhooks.len());
        let id = *self.webhooks.get(index)?;
        let mut input = json!({ "id": id, "clientMutationId": dice.id() });
        let name = match dice.below(4) {
            0 => "pauseWebhook",
            1 => "resumeWebhook",
            2 => {
                input["name"] = json!(format!("hook {}", dice.below(1000)));
                "changeWebhook"
            }
            _ => {
                self.webhooks.swap_remove(index);
                "removeWebhook"
            }
        };
        Some(Call::mutation(name, input))
    }
}
