//! Makes the schemas of types.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::arguments::ArgumentsSchema;
use super::described::SchemaOf;
use super::document::TypeSchema;

/// Makes the schemas of several types, which share definitions.
pub(crate) struct Describer {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Describer {
    pub(crate) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12();
        Self { read: settings.clone().into_generator(), written: settings.for_serialize().into_generator() }
    }

    pub(crate) fn describe(&mut self, schema: SchemaOf) -> (Schema, Schema) {
        (schema(&mut self.read), schema(&mut self.written))
    }

    pub(crate) fn describe_arguments(&mut self, arguments: ArgumentsSchema) -> (Schema, Schema) {
        (arguments.schema(&mut self.read), arguments.schema(&mut self.written))
    }

    /// The definitions of both generators, and how to name them in schemas.
    pub(crate) fn finish(mut self) -> Definitions {
        let (mut read, written) = (self.read.take_definitions(true), self.written.take_definitions(true));
        let own = own_names(&read, &written);
        let mut taken: BTreeSet<String> = read.keys().chain(written.keys()).cloned().collect();
        let mut names = Map::new();
        for name in own {
            let mut new = format!("{name}.written");
            while !taken.insert(new.clone()) {
                new.push('_');
            }
            names.insert(name, Value::String(new));
        }
        let mut definitions = Definitions { all: Map::new(), names };
        for (name, mut schema) in written {
            definitions.rename(&mut schema);
            let name = definitions.names.get(&name).and_then(Value::as_str).map_or(name, str::to_owned);
            read.entry(name).or_insert(schema);
        }
        definitions.all = read;
        definitions
    }
}

/// The definitions that are written in another way than they are read, or refer to such.
fn own_names(read: &Map<String, Value>, written: &Map<String, Value>) -> BTreeSet<String> {
    let differs = |(name, schema): &(&String, &Value)| read.get(*name).is_some_and(|read| read != *schema);
    let mut own: BTreeSet<String> = written.iter().filter(differs).map(|(name, _)| name.clone()).collect();
    loop {
        let before = own.len();
        let refers = |schema: &Value| {
            let mut found = false;
            references(schema, &mut |name| found |= own.contains(&name));
            found
        };
        let more: Vec<String> =
            written.iter().filter(|(_, schema)| refers(schema)).map(|(name, _)| name.clone()).collect();
        own.extend(more);
        if own.len() == before {
            return own;
        }
    }
}

fn references(schema: &Value, found: &mut dyn FnMut(String)) {
    match schema {
        Value::Object(object) => {
            if let Some(name) = object.get("$ref").and_then(Value::as_str).and_then(definition) {
                found(name);
            }
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn definition(reference: &str) -> Option<String> {
    Some(reference.strip_prefix("#/$defs/")?.replace("~1", "/").replace("~0", "~"))
}

pub(crate) struct Definitions {
    pub(crate) all: Map<String, Value>,
    /// The names of those that are written in another way than they are read.
    names: Map<String, Value>,
}

impl Definitions {
    /// The schema of a type whose parts are among the definitions.
    pub(crate) fn schema(&self, (read, written): (Schema, Schema)) -> TypeSchema {
        let mut value = written.to_value();
        self.rename(&mut value);
        let written = Schema::try_from(value).unwrap_or_else(|_| read.clone());
        TypeSchema::new(read, written)
    }

    fn rename(&self, schema: &mut Value) {
        match schema {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get_mut("$ref")
                    && let Some(new) =
                        definition(reference).and_then(|name| self.names.get(&name)).and_then(Value::as_str)
                {
                    *reference = format!("#/$defs/{}", super::shape::escaped(new));
                }
                object.values_mut().for_each(|value| self.rename(value));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.rename(item)),
            _ => {}
        }
    }
}
