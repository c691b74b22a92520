//! The hash of an API's schema.

use std::fmt;

use serde_json::Value;

use super::document::ApiSchema;
use super::shape::{Hash, fingerprint};
use super::types::ApiTypes;

/// A hash of what an API means on the bus: names, types, and which methods are idempotent.
///
/// Documentation, the names and the order of Rust types and the version of the crate do not change it. It is written
/// as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaHash(u128);

impl fmt::Display for SchemaHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl ApiSchema {
    /// The hash of the schema, by which processes compare their versions.
    #[must_use]
    pub fn hash(&self) -> SchemaHash {
        SchemaHash(hash(self))
    }
}

/// The hash of an API: what can be called and subscribed to, and what goes over the wire.
fn hash(schema: &ApiSchema) -> u128 {
    let schema = &without_facts(schema);
    let version = ApiTypes::read(schema);
    let mut hash = Hash::new();
    hash.text(&schema.name);
    for (name, method) in &schema.methods {
        hash.text(name).number(u128::from(method.idempotent));
    }
    hash.text("events");
    schema.events.keys().for_each(|name| {
        hash.text(name);
    });
    for ((name, part), (written, read)) in &version.types {
        hash.text(name).text(part.name());
        hash.number(fingerprint(&version.shapes, *written)).number(fingerprint(&version.shapes, *read));
    }
    hash.finish()
}

/// The schema without the observed behaviour of one decoder.
fn without_facts(schema: &ApiSchema) -> ApiSchema {
    let mut schema = schema.clone();
    schema.definitions.values_mut().for_each(remove_facts);
    let methods = schema.methods.values_mut();
    let types =
        methods.flat_map(|method| [Some(&mut method.arguments), Some(&mut method.returns), method.error.as_mut()]);
    for ty in types.flatten().chain(schema.events.values_mut().map(|event| &mut event.fields)) {
        for schema in [Some(&mut ty.read), ty.written.as_mut()].into_iter().flatten() {
            let mut value = std::mem::take(schema).to_value();
            remove_facts(&mut value);
            *schema = value.try_into().unwrap_or_default();
        }
    }
    schema
}

fn remove_facts(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.retain(|keyword, _| !keyword.starts_with("x-lightbus-"));
            object.values_mut().for_each(remove_facts);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_facts),
        _ => {}
    }
}
