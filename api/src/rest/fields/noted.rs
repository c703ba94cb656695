//! What is known of fields that are read.

use serde_json::Value;
use utoipa::openapi::{
    KnownFormat, RefOr, Schema, SchemaFormat,
    schema::{AnyOfBuilder, Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type},
};

use super::{ELEMENTS, Text};

/// The fields of an object, in the order in which they are read.
#[derive(Default)]
pub(super) struct Noted {
    fields: Vec<(String, RefOr<Schema>)>,
    required: Vec<String>,
    nullable: Vec<String>,
}

impl Noted {
    /// One more; of one that is read in several ways the last counts.
    pub(super) fn add(&mut self, name: &str, required: bool, schema: RefOr<Schema>) {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), schema));
        if required {
            self.require(name);
        }
    }

    pub(super) fn require(&mut self, name: &str) {
        if !self.required.iter().any(|known| known == name) {
            self.required.push(name.to_owned());
        }
    }

    pub(super) fn nullable(&mut self, name: &str) {
        self.nullable.push(name.to_owned());
    }

    pub(super) fn object(self) -> Schema {
        let object = ObjectBuilder::new().schema_type(Type::Object);
        let object = self.fields.into_iter().fold(object, |object, (name, schema)| match schema {
            RefOr::T(schema) if self.nullable.contains(&name) => {
                object.property(name, nullable(schema))
            }
            schema => object.property(name, schema),
        });
        self.required.into_iter().fold(object, ObjectBuilder::required).into()
    }
}

/// May be null, too.
fn or_null(kind: Type, nullable: bool) -> SchemaType {
    if nullable { [kind, Type::Null].into_iter().collect() } else { kind.into() }
}

fn of(kind: Type, nullable: bool) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(or_null(kind, nullable))
}

pub(super) fn text(wanted: Text, max: Option<usize>) -> Object {
    let least = (!wanted.blank).then_some(1);
    of(Type::String, wanted.nullable).min_length(least).max_length(max).build()
}

pub(super) fn formatted(wanted: Text, max: usize, format: &str) -> Object {
    let least = (!wanted.blank).then_some(1);
    let format = SchemaFormat::Custom(format.to_owned());
    let text = of(Type::String, wanted.nullable).min_length(least).max_length(Some(max));
    text.format(Some(format)).build()
}

pub(super) fn choice<S: AsRef<str>>(choices: &[S]) -> Object {
    let choices: Vec<Value> = choices.iter().map(|choice| choice.as_ref().into()).collect();
    of(Type::String, false).enum_values(Some(choices)).build()
}

pub(super) fn switch() -> Object {
    of(Type::Boolean, false).build()
}

pub(super) fn reference(nullable: bool) -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
    of(Type::String, nullable).format(Some(format)).build()
}

pub(super) fn number() -> Object {
    of(Type::Integer, false).minimum(Some(0)).build()
}

pub(super) fn count() -> Object {
    of(Type::Integer, true).minimum(Some(0)).build()
}

pub(super) fn several(one: Object) -> Array {
    let one = RefOr::T(Schema::Object(one));
    ArrayBuilder::new().items(one).unique_items(true).max_items(Some(ELEMENTS)).build()
}

pub(super) fn day() -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::Date);
    of(Type::String, true).format(Some(format)).build()
}

pub(super) fn moment() -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
    of(Type::String, true).format(Some(format)).build()
}

pub(super) fn address() -> Object {
    of(Type::String, true).build()
}

pub(super) fn document() -> Object {
    of(Type::Object, false).build()
}

/// The same, or null.
pub(super) fn nullable(schema: Schema) -> Schema {
    let with_null = |kind: SchemaType| match kind {
        SchemaType::Type(kind) => or_null(kind, true),
        other => other,
    };
    match schema {
        Schema::Object(mut object) => {
            object.schema_type = with_null(object.schema_type);
            Schema::Object(object)
        }
        Schema::Array(mut array) => {
            array.schema_type = with_null(array.schema_type);
            Schema::Array(array)
        }
        other => AnyOfBuilder::new().item(other).item(of(Type::Null, false)).into(),
    }
}
