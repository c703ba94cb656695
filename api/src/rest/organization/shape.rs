//! An organization as clients see it.

use app::{App, membership_id};
use domain::accounts::DeviceLimit;
use projections::organization::OrganizationRow;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::super::{caller::Caller, failure::RestError, moment};

/// As in lists.
pub(super) fn short(row: &OrganizationRow) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "is_active": row.active,
        "slug": row.slug,
        "description": row.description,
        "email": row.email,
        "url": row.url,
        "created": moment::show(row.created_at),
        "modified": moment::show(row.modified_at),
    })
}

/// As alone. What the reference keeps in another place of its administration is under `config_settings`, the secret for
/// those who may change it.
pub(super) async fn full(
    app: &App,
    caller: &Caller,
    row: &OrganizationRow,
) -> Result<Value, RestError> {
    let mut shown = short(row);
    let mut settings = Map::new();
    settings.insert("registration_enabled".to_owned(), json!(row.registration_open));
    match app.organizations().shared_secret(&caller.by, row).await {
        Ok(secret) => {
            settings.insert("shared_secret".to_owned(), json!(secret.expose_secret()));
        }
        Err(app::Failure::Forbidden | app::Failure::NotFound(_)) => {}
        Err(failure) => return Err(failure.into()),
    }
    settings.insert("context".to_owned(), json!(row.variables));
    settings.insert("device_limit".to_owned(), limit(row.limit));
    let owner = app.accounts().owner(&caller.by, row.id).await?;
    let owner = owner
        .map_or(Value::Null, |owner| json!({ "organization_user": membership_id(owner, row.id) }));
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("owner".to_owned(), owner);
        fields.insert("config_settings".to_owned(), Value::Object(settings));
    }
    Ok(shown)
}

/// 0 is no limit, null no device at all.
pub(in super::super) fn limit(limit: DeviceLimit) -> Value {
    match limit {
        DeviceLimit::Unlimited => json!(0),
        DeviceLimit::AtMost(limit) => json!(limit),
        DeviceLimit::NoDevices => Value::Null,
    }
}
