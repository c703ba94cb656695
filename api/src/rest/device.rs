//! `/api/v1/controller/device/`: devices and their configurations (manual chapter 04).

mod activation;
mod change;
mod configuration;
mod create;
mod delete;
mod get;
mod list;
mod sent;
mod shape;

use super::{
    endpoint::{self, Endpoint, Endpoints},
    operation::Methods,
};

const LIST: Endpoint = Endpoint {
    path: "/api/v1/controller/device/",
    name: "Device List Create",
    methods: endpoint::LIST,
    open: false,
};

const DETAIL: Endpoint = Endpoint {
    path: "/api/v1/controller/device/{id}/",
    name: "Device Detail",
    methods: endpoint::DETAIL,
    open: false,
};

const ACTIVATE: Endpoint = Endpoint {
    path: "/api/v1/controller/device/{id}/activate/",
    name: "Device Activate",
    methods: endpoint::DO,
    open: false,
};

const DEACTIVATE: Endpoint = Endpoint {
    path: "/api/v1/controller/device/{id}/deactivate/",
    name: "Device Deactivate",
    methods: endpoint::DO,
    open: false,
};

const CONFIGURATION: Endpoint = Endpoint {
    path: "/api/v1/controller/device/{id}/configuration/",
    name: "Download Device",
    methods: endpoint::READ,
    open: false,
};

pub(super) fn endpoints() -> Endpoints {
    let list = Methods::default()
        .get("controller_device_list", "Devices, newest first", list::handle)
        .post("controller_device_create", "A new device", create::handle);
    let detail = Methods::default()
        .get("controller_device_read", "A device with its configuration", get::handle)
        .put("controller_device_update", "All of a device", change::change)
        .patch("controller_device_partial_update", "Parts of a device", change::change)
        .delete("controller_device_delete", "Removes a deactivated device", delete::handle);
    let activate = Methods::default().post(
        "controller_device_activate_create",
        "Serves a device again",
        activation::activate,
    );
    let deactivate = Methods::default().post(
        "controller_device_deactivate_create",
        "Stops to serve a device, after its configuration was cleared",
        activation::deactivate,
    );
    let configuration = Methods::default().get(
        "controller_device_configuration_read",
        "The archive that the device downloads, now or at a moment",
        configuration::handle,
    );
    Endpoints::default()
        .add(&LIST, list)
        .add(&DETAIL, detail)
        .add(&ACTIVATE, activate)
        .add(&DEACTIVATE, deactivate)
        .add(&CONFIGURATION, configuration)
}
