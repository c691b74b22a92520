//! The schema of an API: JSON Schema for every method and event, made from the user's own types.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};

/// The schema of an API, ready to be written as JSON.
///
/// The wire form of a value is exactly the JSON data model, so these schemas describe MessagePack bodies too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ApiSchema {
    /// The API's name.
    pub name: String,
    /// The trait's documentation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The methods by name.
    pub methods: BTreeMap<String, MethodSchema>,
    /// The events by name.
    pub events: BTreeMap<String, EventSchema>,
    /// The types that the schemas refer to as `#/$defs/{name}`.
    #[serde(rename = "$defs", skip_serializing_if = "Map::is_empty")]
    pub definitions: Map<String, Value>,
}

/// The schema of a method.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MethodSchema {
    /// The method's documentation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The map of arguments.
    pub arguments: Schema,
    /// The return value; the `Ok` value of a method that returns a `Result`.
    pub returns: Schema,
    /// The method's own error, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Schema>,
}

/// The schema of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EventSchema {
    /// The event's documentation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The map of fields.
    pub fields: Schema,
}

/// The JSON Schema of one type, made by a shared generator so that common types are defined once.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`, written out where it is used.
pub fn inline<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// A type that a trait with `#[lightbus::api]` may name: one with a JSON Schema.
///
/// It exists for the sake of its error message; `JsonSchema` has none that says what to write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema: the trait `JsonSchema` is not implemented for it",
    label = "has no JSON Schema",
    note = "for a type of your own, add `#[derive(JsonSchema)]`, with `use lightbus::prelude::*`",
    note = "for a type of another crate, switch on the feature of schemars that covers it, or wrap it in a type of your own"
)]
#[doc(hidden)]
pub trait Described: JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema + ?Sized> Described for T {}

/// Compiles for types that have a schema.
#[doc(hidden)]
pub const fn described<T: Described + ?Sized>() {}

/// The schema of `T`, as a reference to a shared definition where `T` has a name.
pub fn reference<T: Described>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The schema of a method's arguments.
#[derive(Debug, Clone, Copy)]
#[doc(hidden)]
pub enum ArgumentsSchema {
    /// The struct that stands for them.
    Struct(SchemaOf),
    /// Each argument's name, documentation and [`property`].
    Each(&'static [(&'static str, &'static str, SchemaOf)]),
}

impl ArgumentsSchema {
    pub(crate) fn schema(self, generator: &mut SchemaGenerator) -> Schema {
        let arguments = match self {
            Self::Struct(schema) => return schema(generator),
            Self::Each(arguments) => arguments,
        };
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, docs, property) in arguments {
            let object = property(generator);
            let mut schema = Schema::from(Map::new());
            if let Some(Value::Object(mut property)) = object.get("properties").cloned() {
                schema = property.remove(PROPERTY).and_then(|schema| schema.try_into().ok()).unwrap_or(schema);
            }
            if !docs.is_empty() {
                schema.insert("description".to_owned(), Value::from(*docs));
            }
            properties.insert((*name).to_owned(), schema.into());
            if object.get("required").is_some() {
                required.push(Value::from(*name));
            }
        }
        let mut schema = Schema::from(Map::new());
        schema.insert("type".to_owned(), "object".into());
        if !properties.is_empty() {
            schema.insert("properties".to_owned(), properties.into());
        }
        if !required.is_empty() {
            schema.insert("required".to_owned(), required.into());
        }
        schema
    }
}

/// The name of the only property of [`Object`].
const PROPERTY: &str = "value";

/// An object with one property. Whether it is required depends on the type, and only the derive finds that out.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Object<T> {
    value: T,
}

/// The schema of an object whose only property is a `T`.
#[doc(hidden)]
pub fn property<T: Described>(generator: &mut SchemaGenerator) -> Schema {
    Object::<T>::json_schema(generator)
}
