//! Every address that the server answers at.

use wisptrail_tests::Device;

const TEMPLATE: &str = "71000000-0000-4000-8000-000000000002";
const ORGANIZATION: &str = "bbbbbbbb-0000-4000-8000-000000000002";

/// What people and programs with a token may ask for: method and path of every REST operation.
/// Removal comes last.
pub(crate) fn operations(device: &Device) -> Vec<(&'static str, String)> {
    let device = device.dashed();
    let collections =
        ["device", "template", "group"].map(|name| format!("/api/v1/controller/{name}/"));
    let mut operations = Vec::new();
    for path in collections {
        operations.extend([("GET", path.clone()), ("POST", path)]);
    }
    let one = format!("/api/v1/controller/device/{device}/");
    let template = format!("/api/v1/controller/template/{TEMPLATE}/");
    let organization = format!("/api/v1/users/organization/{ORGANIZATION}/");
    operations.extend([
        ("GET", one.clone()),
        ("PUT", one.clone()),
        ("PATCH", one.clone()),
        ("POST", format!("{one}deactivate/")),
        ("POST", format!("{one}activate/")),
        ("GET", template.clone()),
        ("PUT", template.clone()),
        ("PATCH", template.clone()),
        ("GET", "/api/v1/users/organization/".to_owned()),
        ("GET", organization.clone()),
        ("PATCH", organization),
        ("DELETE", template),
        // Only a device that is not served may go.
        ("POST", format!("{one}deactivate/")),
        ("DELETE", one),
    ]);
    operations
}

/// Every path, for this device.
pub(crate) fn paths(device: &Device) -> Vec<String> {
    let (plain, dashed) = (&device.id, device.dashed());
    let mut paths = vec![
        "/".to_owned(),
        "/healthz".to_owned(),
        "/readyz".to_owned(),
        "/metrics".to_owned(),
        "/controller/register/".to_owned(),
        "/controller/device/register/".to_owned(),
        "/api/v1/users/token/".to_owned(),
        "/api/v1/controller/group/71000000-0000-4000-8000-000000000009/".to_owned(),
    ];
    for what in ["checksum", "download-config", "update-info", "report-status"] {
        paths.push(format!("/controller/{what}/{plain}/"));
        paths.push(format!("/controller/device/{what}/{dashed}/"));
        paths.push(format!("/controller/device/{what}/{plain}/?key={}", device.key));
    }
    paths.extend(operations(device).into_iter().map(|(_, path)| path));
    paths.sort();
    paths.dedup();
    paths
}
