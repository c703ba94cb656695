//! An organization as clients see it.

use app::{App, membership_id};
use chrono::{DateTime, Utc};
use domain::{Document, accounts::DeviceLimit};
use projections::organization::OrganizationRow;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::{caller::Caller, failure::RestError, moment};

/// An organization as in lists.
#[derive(Serialize, ToSchema)]
pub(super) struct Organization {
    id: Uuid,
    name: String,
    /// Are its people and devices served?
    is_active: bool,
    #[schema(format = "slug")]
    slug: String,
    description: String,
    email: String,
    url: String,
    #[serde(serialize_with = "moment::shown")]
    created: DateTime<Utc>,
    #[serde(serialize_with = "moment::shown")]
    modified: DateTime<Utc>,
}

/// An organization alone.
#[derive(Serialize, ToSchema)]
pub(super) struct OrganizationDetail {
    id: Uuid,
    name: String,
    /// Are its people and devices served?
    is_active: bool,
    #[schema(format = "slug")]
    slug: String,
    description: String,
    email: String,
    url: String,
    #[serde(serialize_with = "moment::shown")]
    created: DateTime<Utc>,
    #[serde(serialize_with = "moment::shown")]
    modified: DateTime<Utc>,
    #[schema(required)]
    owner: Option<OrganizationOwner>,
    config_settings: ConfigurationSettings,
}

/// Who owns an organization.
#[derive(Serialize, ToSchema)]
pub(super) struct OrganizationOwner {
    /// What the owner's membership is called by.
    organization_user: Uuid,
}

/// What the reference keeps in another place of its administration.
#[derive(Serialize, ToSchema)]
pub(super) struct ConfigurationSettings {
    /// May agents register devices?
    registration_enabled: bool,
    /// What agents register with; for those who may change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    shared_secret: Option<String>,
    /// Variables of all of its devices.
    #[schema(value_type = Object)]
    context: Document,
    /// 0 is any number of devices, null is none.
    #[schema(required)]
    device_limit: Option<u32>,
}

/// As in lists.
pub(super) fn short(row: &OrganizationRow) -> Organization {
    Organization {
        id: row.id.as_uuid(),
        name: row.name.clone(),
        is_active: row.active,
        slug: row.slug.clone(),
        description: row.description.clone(),
        email: row.email.clone(),
        url: row.url.clone(),
        created: row.created_at,
        modified: row.modified_at,
    }
}

/// As alone.
pub(super) async fn full(
    app: &App,
    caller: &Caller,
    row: &OrganizationRow,
) -> Result<OrganizationDetail, RestError> {
    let shared_secret = match app.organizations().shared_secret(&caller.by, row).await {
        Ok(secret) => Some(secret.expose_secret().to_owned()),
        Err(app::Failure::Forbidden | app::Failure::NotFound(_)) => None,
        Err(failure) => return Err(failure.into()),
    };
    let owner = app.accounts().owner(&caller.by, row.id).await?;
    let Organization { id, name, is_active, slug, description, email, url, created, modified } =
        short(row);
    Ok(OrganizationDetail {
        id,
        name,
        is_active,
        slug,
        description,
        email,
        url,
        created,
        modified,
        owner: owner
            .map(|owner| OrganizationOwner { organization_user: membership_id(owner, row.id) }),
        config_settings: ConfigurationSettings {
            registration_enabled: row.registration_open,
            shared_secret,
            context: row.variables.clone(),
            device_limit: limit(row.limit),
        },
    })
}

/// 0 is no limit, null no device at all.
pub(in super::super) fn limit(limit: DeviceLimit) -> Option<u32> {
    match limit {
        DeviceLimit::Unlimited => Some(0),
        DeviceLimit::AtMost(limit) => Some(limit),
        DeviceLimit::NoDevices => None,
    }
}
