//! Devices of an organization: what they do, and what is done with them.

use md5::{Digest as _, Md5};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    organization::Organization,
    plan::{Call, Dice, Step},
};

#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) mac_address: String,
    /// None where the server chose it.
    pub(crate) id: Option<Uuid>,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) active: bool,
    pub(crate) group: Option<Uuid>,
    /// From before, with another generator.
    pub(crate) old: bool,
}

impl Device {
    /// As requests name it.
    pub(crate) fn reference(&self) -> String {
        self.id.map_or_else(|| format!("@{}", self.mac_address), |id| id.to_string())
    }
}

impl Organization {
    fn unborn(&mut self) -> Device {
        let number = self.next();
        let mac_address =
            format!("02:00:00:{:02X}:{:02X}:{:02X}", self.number, number / 256, number % 256);
        Device {
            key: hex::encode(Md5::digest(format!("{mac_address}+{}", self.secret))),
            id: None,
            name: format!("ap-{}-{number}", self.number),
            secret: self.secret.clone(),
            active: true,
            group: None,
            old: false,
            mac_address,
        }
    }

    pub(crate) fn new_device(&mut self, dice: &mut Dice) -> Step {
        let mut device = self.unborn();
        let id = dice.id();
        device.id = Some(id);
        let group = self.groups.get(dice.below(self.groups.len())).filter(|_| dice.one_in(2));
        device.group = group.map(|group| group.id);
        let mut input = json!({ "id": id, "organizationId": self.id, "name": device.name,
            "macAddress": device.mac_address, "key": device.key, "notes": "made by hand", "groupId": device.group });
        if !dice.one_in(4) {
            input["configuration"] = json!({ "backend": "netjsonconfig.OpenWrt", "config": dice.contents(), "variables": dice.variables() });
        }
        self.devices.push(device);
        Call::mutation("createDevice", input)
    }

    pub(crate) fn register(&mut self, _: &mut Dice) -> Step {
        let device = self.unborn();
        let step = registration(&device);
        self.devices.push(device);
        step
    }

    pub(crate) fn register_again(&mut self, dice: &mut Dice) -> Option<Step> {
        let served: Vec<usize> = self.served().collect();
        let device = &self.devices[*dice.pick(&served)?];
        // The organization that it moved to has another secret.
        (device.secret == self.secret).then(|| registration(device))
    }

    pub(crate) fn visit(&self, dice: &mut Dice) -> Option<Step> {
        let mac_address = dice.pick(&self.devices)?.mac_address.clone();
        let report = if dice.one_in(4) { "error" } else { "applied" };
        Some(Step::of(Call::Visit { mac_address, report }))
    }

    pub(crate) fn rename_device(&mut self, dice: &mut Dice) -> Option<Step> {
        let number = self.next();
        let served: Vec<usize> = self.served().collect();
        let device = &mut self.devices[*dice.pick(&served)?];
        device.name = format!("renamed-{}-{number}", self.number);
        Some(Call::mutation(
            "changeDevice",
            json!({ "id": device.reference(), "name": device.name, "clientMutationId": dice.id() }),
        ))
    }

    pub(crate) fn device_values(&self, dice: &mut Dice) -> Option<Step> {
        let served: Vec<usize> = self.served().collect();
        let id = self.devices[*dice.pick(&served)?].reference();
        let configuration = json!({ "config": dice.contents(), "variables": dice.variables() });
        Some(Call::mutation(
            "changeDevice",
            json!({ "id": id, "configuration": configuration, "clientMutationId": dice.id() }),
        ))
    }

    pub(crate) fn device_contents(&self, dice: &mut Dice) -> Option<Step> {
        let served: Vec<usize> = self.served().collect();
        let id = self.devices[*dice.pick(&served)?].reference();
        let configuration = json!({ "config": dice.contents() });
        let input =
            json!({ "id": id, "configuration": configuration, "clientMutationId": dice.id() });
        Some(Call::mutation("changeDevice", input))
    }

    /// Over REST.
    pub(crate) fn notes(&self, dice: &mut Dice) -> Option<Step> {
        let served: Vec<usize> = self.served().collect();
        let id = self.devices[*dice.pick(&served)?].reference();
        let path = format!("/api/v1/controller/device/{id}/");
        // Of a key whose request died, the server waits half a minute for the answer.
        let key = dice.one_in(8).then(|| dice.id().to_string());
        let body = json!({ "notes": format!("seen {}", dice.below(1000)) });
        Some(Step::of(Call::Rest { method: Method::PATCH, path, body, key }))
    }

    pub(crate) fn own_templates(&self, dice: &mut Dice) -> Option<Step> {
        let served: Vec<usize> = self.served().collect();
        let id = self.devices[*dice.pick(&served)?].reference();
        let templates: Vec<Uuid> =
            self.templates.iter().map(|template| template.id).filter(|_| dice.one_in(2)).collect();
        Some(Call::mutation(
            "changeDevice",
            json!({ "id": id, "configuration": { "templateIds": templates }, "clientMutationId": dice.id() }),
        ))
    }

    pub(crate) fn group_of_device(&mut self, dice: &mut Dice) -> Option<Step> {
        let group = self.groups.get(dice.below(self.groups.len())).map(|group| group.id);
        let served: Vec<usize> = self.served().collect();
        let device = &mut self.devices[*dice.pick(&served)?];
        device.group = group.filter(|_| dice.one_in(2));
        Some(Call::mutation(
            "changeDevice",
            json!({ "id": device.reference(), "groupId": device.group, "clientMutationId": dice.id() }),
        ))
    }

    pub(crate) fn activity(&mut self, dice: &mut Dice) -> Option<Step> {
        let index = dice.below(self.devices.len());
        let device = self.devices.get_mut(index)?;
        device.active = !device.active;
        let name = if device.active { "activateDevice" } else { "deactivateDevice" };
        Some(Call::mutation(
            name,
            json!({ "id": device.reference(), "clientMutationId": dice.id() }),
        ))
    }

    pub(crate) fn remove_device(&mut self, dice: &mut Dice) -> Option<Step> {
        if self.devices.len() < 3 {
            return None;
        }
        let device = self.devices.remove(dice.below(self.devices.len()));
        let id = device.reference();
        self.gone.push(device);
        Some(Call::mutation(
            "removeDevice",
            json!({ "id": id, "force": true, "clientMutationId": dice.id() }),
        ))
    }

    /// One operation on all devices that are served.
    pub(crate) fn many(
        &self,
        dice: &mut Dice,
        operation: impl Fn(&mut Dice) -> Value,
    ) -> Option<Step> {
        let ids: Vec<String> = self.served().map(|index| self.devices[index].reference()).collect();
        if ids.is_empty() {
            return None;
        }
        let input = json!({ "clientMutationId": dice.id(), "selection": { "ids": ids }, "operation": operation(dice) });
        Some(Call::mutation("startBulkOperation", input))
    }
}

fn registration(device: &Device) -> Step {
    Step::of(Call::Register {
        secret: device.secret.clone(),
        name: device.name.clone(),
        mac_address: device.mac_address.clone(),
    })
}
