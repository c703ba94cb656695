//! What the stories in the tests are made of.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{DeviceId, Document, GroupId, OrganizationId, Sealed, TemplateId, UserId};

pub(crate) const fn device(number: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(number))
}

pub(crate) const fn group(number: u128) -> GroupId {
    GroupId::from_uuid(Uuid::from_u128(number))
}

pub(crate) const fn organization(number: u128) -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(number))
}

pub(crate) const fn template(number: u128) -> TemplateId {
    TemplateId::from_uuid(Uuid::from_u128(number))
}

pub(crate) const fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

/// A sealed value; what is sealed shows in the fingerprint, the nonce does not.
pub(crate) fn sealed(value: &str, nonce: &str) -> Sealed {
    Sealed { envelope: json!({ "$enc": { "n": nonce } }), fingerprint: format!("{value}-print") }
}

/// An object; the order of its keys is kept.
pub(crate) fn object(value: Value) -> Document {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// An object that is nested so many levels deep.
pub(crate) fn nested(levels: usize) -> Document {
    (1..levels).fold(Document::new(), |inner, _| object(json!({ "inner": inner })))
}
