//! The schema of a method's arguments.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};

use super::described::{Described, SchemaOf};

/// The schema of a method's arguments.
#[derive(Debug, Clone, Copy)]
#[doc(hidden)]
pub enum ArgumentsSchema {
    /// The struct that stands for them.
    Struct(SchemaOf),
    /// Each argument's name, documentation, and [`property`] or [`property_or_default`].
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

/// The name of the only property of [`Object`] and [`ObjectOrDefault`].
const PROPERTY: &str = "value";

/// An object with one property. Whether it is required depends on the type, and only the derive finds that out.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct Object<T> {
    value: T,
}

/// An object whose only property may be missing, and then has the default of its type.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema matters")]
struct ObjectOrDefault<T: Default + Serialize> {
    #[serde(default)]
    value: T,
}

/// The schema of an object whose only property is a `T`.
#[doc(hidden)]
pub fn property<T: Described>(generator: &mut SchemaGenerator) -> Schema {
    Object::<T>::json_schema(generator)
}

/// The schema of an object whose only property is a `T` that may be missing.
#[doc(hidden)]
pub fn property_or_default<T: Described + Default + Serialize>(generator: &mut SchemaGenerator) -> Schema {
    ObjectOrDefault::<T>::json_schema(generator)
}
