//! `/api/v1/events/catalogue/`: what events mean, for everybody. Nothing in it is about this installation.

use std::sync::LazyLock;

use axum::{Json, extract::Path, http::StatusCode, routing::get};
use domain::{
    Retention,
    catalogue::{self, Aggregate, Field, Kind},
    classified::{self, Class},
};
use serde_json::{Value, json};

use super::{
    METHODS,
    asyncapi::{self, asyncapi as description},
    other_method,
};
use crate::{
    rest::failure::RestError,
    routes::{Audience, Route, Routes},
};

pub(super) fn routes() -> Routes {
    let route = |path: &str| Route {
        path: format!("/api/v1/events/{path}"),
        methods: METHODS,
        audience: Audience::Everybody,
    };
    Routes::default()
        .add(route("catalogue/"), |_| get(list).fallback(other_method))
        .add(route("catalogue/{type}/"), |_| get(one).fallback(other_method))
        .add(route("asyncapi.json"), |_| get(document).fallback(other_method))
}

/// All types of events, without their schemas.
async fn list() -> Json<&'static Value> {
    static LIST: LazyLock<Value> = LazyLock::new(|| {
        let listed = |aggregate: &Aggregate| {
            json!({
                "aggregate": aggregate.name,
                "meaning": aggregate.meaning,
                "events": aggregate.events.iter().map(kind).collect::<Vec<_>>(),
            })
        };
        json!({ "aggregates": catalogue::catalogue().iter().map(listed).collect::<Vec<_>>() })
    });
    Json(&LIST)
}

/// A type of events with its schema.
async fn one(Path(name): Path<String>) -> Result<Json<Value>, RestError> {
    let found = catalogue::kind(&name);
    let found =
        found.ok_or_else(|| RestError::Detail(StatusCode::NOT_FOUND, "Not found.".to_owned()))?;
    let mut shown = kind(found);
    shown["schema"] = asyncapi::told_schema(found);
    Ok(Json(shown))
}

async fn document() -> Json<&'static Value> {
    Json(description())
}

fn kind(kind: &Kind) -> Value {
    json!({
        "type": kind.name,
        "version": kind.version.to_string(),
        "meaning": kind.meaning,
        "kept": match kind.kept {
            Retention::Forever => "forever",
            Retention::Year => "year",
            Retention::Configured => "configured",
        },
        "fields": kind.fields.iter().map(field).collect::<Vec<_>>(),
        "example": told(kind),
    })
}

fn field(field: &Field) -> Value {
    json!({
        "name": field.name,
        "kind": field.kind,
        "required": field.required,
        "confidential": field.class.unwrap_or(Class::Sealed).as_str(),
        "meaning": field.meaning,
    })
}

/// The example as those are told who may see everything that is no secret.
pub(super) fn told(kind: &Kind) -> Value {
    classified::told(kind.name, &kind.example.to_string(), Class::Sensitive).into()
}
