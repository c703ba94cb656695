//! `/api/v1/controller/template/`: templates (manual chapter 04, "Configuration Templates").

mod change;
mod configuration;
mod create;
mod delete;
mod get;
mod list;
mod shape;

use super::{
    endpoint::{self, Endpoint, Endpoints},
    operation::Methods,
};

const LIST: Endpoint = Endpoint {
    path: "/api/v1/controller/template/",
    name: "Template List Create",
    methods: endpoint::LIST,
    open: false,
};

const DETAIL: Endpoint = Endpoint {
    path: "/api/v1/controller/template/{id}/",
    name: "Template Detail",
    methods: endpoint::DETAIL,
    open: false,
};

const CONFIGURATION: Endpoint = Endpoint {
    path: "/api/v1/controller/template/{id}/configuration/",
    name: "Download Template Configuration",
    methods: endpoint::READ,
    open: false,
};

pub(super) fn endpoints() -> Endpoints {
    let list = Methods::default()
        .get("controller_template_list", "Templates, newest first", list::handle)
        .post("controller_template_create", "A new template", create::handle);
    let detail = Methods::default()
        .get("controller_template_read", "A template", get::handle)
        .put("controller_template_update", "All of a template", change::change)
        .patch("controller_template_partial_update", "Parts of a template", change::change)
        .delete("controller_template_delete", "Its devices lose it", delete::handle);
    let configuration = Methods::default().get(
        "controller_template_configuration_read",
        "The files of a template alone, as an archive",
        configuration::handle,
    );
    Endpoints::default().add(&LIST, list).add(&DETAIL, detail).add(&CONFIGURATION, configuration)
}
