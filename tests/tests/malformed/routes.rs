//! Every address that the server answers at.

use wisptrail_tests::Device;

const TEMPLATE: &str = "71000000-0000-4000-8000-000000000002";
const ORGANIZATION: &str = "bbbbbbbb-0000-4000-8000-000000000002";

/// What people and programs with a token may ask for: method and path of every REST operation.
/// Removal comes last.
pub(crate) fn operations(device: &Device, group: &str) -> Vec<(&'static str, String)> {
    let device = format!("/api/v1/controller/device/{}/", device.dashed());
    let group = format!("/api/v1/controller/group/{group}/");
    let template = format!("/api/v1/controller/template/{TEMPLATE}/");
    let organization = format!("/api/v1/users/organization/{ORGANIZATION}/");
    let mut operations = Vec::new();
    for collection in
        ["controller/device", "controller/template", "controller/group", "users/organization"]
    {
        let path = format!("/api/v1/{collection}/");
        operations.extend([("GET", path.clone()), ("POST", path.clone()), ("OPTIONS", path)]);
    }
    for object in [&device, &template, &group, &organization] {
        operations.extend(["GET", "HEAD", "PUT", "PATCH"].map(|method| (method, object.clone())));
    }
    operations.extend([
        ("GET", format!("{device}configuration/")),
        ("GET", format!("{template}configuration/")),
        ("POST", format!("{device}deactivate/")),
        ("POST", format!("{device}activate/")),
        // Only a device that is not served may go.
        ("POST", format!("{device}deactivate/")),
    ]);
    operations.extend([device, template, group, organization].map(|object| ("DELETE", object)));
    operations
}

/// Every path, for this device.
pub(crate) fn paths(device: &Device, group: &str) -> Vec<String> {
    let (plain, dashed) = (&device.id, device.dashed());
    let mut paths = vec![
        "/".to_owned(),
        "/healthz".to_owned(),
        "/readyz".to_owned(),
        "/metrics".to_owned(),
        "/controller/register/".to_owned(),
        "/controller/device/register/".to_owned(),
        "/api/v1/users/token/".to_owned(),
        "/graphql".to_owned(),
    ];
    for what in ["checksum", "download-config", "update-info", "report-status"] {
        paths.push(format!("/controller/{what}/{plain}/"));
        paths.push(format!("/controller/device/{what}/{dashed}/"));
        paths.push(format!("/controller/device/{what}/{plain}/?key={}", device.key));
    }
    paths.extend(operations(device, group).into_iter().map(|(_, path)| path));
    paths.sort();
    paths.dedup();
    paths
}
