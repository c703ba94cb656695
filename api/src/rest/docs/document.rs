//! The description of REST (`OpenAPI` 3.1), made of the table of endpoints and of the types of their handlers.

use app::ControllerSettings;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Paths,
    RefOr,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use super::{
    DocsSettings,
    description::{BEARER, Schemas, describe},
    refusals,
};

/// What can be said of all operations at once.
const CONVENTIONS: &str = "Bodies are JSON, or forms with JSON in the place of objects. Lists come in pages. What the caller may not see does \
not exist. Clocks are UTC. Paths end with a slash; without it they are redirected.";

/// All operations there are.
pub(super) fn document(settings: &DocsSettings, controller: &ControllerSettings) -> OpenApi {
    let mut schemas = Schemas::new();
    let mut paths = Paths::new();
    for (endpoint, operations) in super::super::endpoints().described() {
        let mut item = PathItem::default();
        for operation in &operations {
            let described = describe(endpoint, operation, controller, &mut schemas);
            item.merge_operations(PathItem::new(operation.method.clone(), described));
        }
        paths.paths.insert(endpoint.path.to_owned(), item);
    }
    schemas.insert(refusals::ERRORS.to_owned(), RefOr::T(refusals::errors()));
    schemas.insert(refusals::DETAIL.to_owned(), RefOr::T(refusals::detail()));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("What `POST /api/v1/users/token/` answers, or a token for a purpose."))
        .build();
    let components = ComponentsBuilder::new().security_scheme(BEARER, SecurityScheme::Http(bearer));
    let components = components.schemas_from_iter(schemas);
    let components = refusals::ALL.into_iter().fold(components, |components, refusal| {
        components.response(refusals::name(refusal), refusals::response(refusal))
    });
    let info = InfoBuilder::new()
        .title(settings.title.as_str())
        .version("v1")
        .description(Some(format!("{}\n\n{CONVENTIONS}", settings.description)))
        .license(Some(
            LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build(),
        ));
    let tag =
        |name, description| TagBuilder::new().name(name).description(Some(description)).build();
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .tags(Some([
            tag("users", "People, their tokens, organizations and permission groups."),
            tag("controller", "Devices, templates, device groups."),
        ]))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn made() -> Value {
        let document = document(&DocsSettings::default(), &ControllerSettings::default());
        serde_json::to_value(document).unwrap()
    }

    #[test]
    fn every_method_of_every_endpoint_is_described() {
        let document = made();
        let endpoints = super::super::super::endpoints().described();
        assert_eq!(document["paths"].as_object().unwrap().len(), endpoints.len());
        for (endpoint, _) in endpoints {
            let described = document["paths"][endpoint.path].as_object().unwrap();
            let described: BTreeSet<String> =
                described.keys().map(|method| method.to_uppercase()).collect();
            let served = endpoint
                .methods
                .split(", ")
                .filter(|method| !matches!(*method, "HEAD" | "OPTIONS"));
            assert_eq!(described, served.map(str::to_owned).collect(), "{}", endpoint.path);
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_ids_are_unique() {
        let document = made();
        let mut references = 0;
        each(&document, &mut |value| {
            if let Some(place) = value["$ref"].as_str() {
                let place = place.strip_prefix('#').unwrap();
                assert!(document.pointer(place).is_some(), "{place}");
                references += 1;
            }
        });
        assert!(references > 100, "{references}");
        let mut ids = BTreeSet::new();
        each(&document, &mut |value| {
            if let Some(id) = value["operationId"].as_str() {
                assert!(ids.insert(id.to_owned()), "{id}");
            }
        });
        assert!(ids.len() > 50, "{}", ids.len());
    }

    #[test]
    fn what_settings_decide_is_in_it() {
        let controller = ControllerSettings {
            hardware_id_enabled: true,
            backends: vec!["netjsonconfig.OpenWrt".to_owned()],
            ..ControllerSettings::default()
        };
        let settings = DocsSettings { title: "Harbour".to_owned(), ..DocsSettings::default() };
        let document = serde_json::to_value(document(&settings, &controller)).unwrap();
        assert_eq!(document["info"]["title"], "Harbour");
        let device = &document["components"]["schemas"]["DeviceRequest"];
        assert!(device["required"].as_array().unwrap().contains(&"hardware_id".into()), "{device}");
        let backend = &device["properties"]["config"]["properties"]["backend"];
        assert_eq!(backend["enum"], serde_json::json!(["netjsonconfig.OpenWrt"]));
        let ours = made();
        let device = &ours["components"]["schemas"]["DeviceRequest"];
        assert_eq!(device["properties"].get("hardware_id"), None);
    }

    fn each(value: &Value, visit: &mut impl FnMut(&Value)) {
        visit(value);
        match value {
            Value::Array(values) => values.iter().for_each(|value| each(value, visit)),
            Value::Object(fields) => fields.values().for_each(|value| each(value, visit)),
            _ => {}
        }
    }
}
