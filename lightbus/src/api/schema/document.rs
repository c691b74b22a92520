//! The schema of an API as a document.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the form in which schemas are written.
const FORMAT: u32 = 1;

/// The schema of an API: everything that other applications can know about it.
///
/// It is written and read as JSON, such as the file that `assert_compatible!` keeps.
/// The wire form of a value is exactly the JSON data model, so these schemas describe MessagePack bodies too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiSchema {
    /// The API's name.
    pub name: String,
    /// The version of this form of schemas. Readers ignore fields that they do not know.
    #[serde(default = "format")]
    pub format: u32,
    /// The version of the crate that the trait is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The trait's documentation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The methods by name.
    #[serde(default)]
    pub methods: BTreeMap<String, MethodSchema>,
    /// The events by name.
    #[serde(default)]
    pub events: BTreeMap<String, EventSchema>,
    /// The types that the schemas refer to as `#/$defs/{name}`.
    #[serde(rename = "$defs", default, skip_serializing_if = "Map::is_empty")]
    pub definitions: Map<String, Value>,
}

const fn format() -> u32 {
    FORMAT
}

/// The schema of a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MethodSchema {
    /// The method's documentation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The note of `#[deprecated]`, which may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
    /// How long calls wait, unless they say otherwise: `#[rpc(timeout = "2s")]`.
    #[serde(rename = "timeout_ms", default, with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Whether the method runs again when its server died: `#[rpc(idempotent)]`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
    /// The map of arguments, which callers write and the server reads.
    pub arguments: TypeSchema,
    /// The return value; the `Ok` value of a method that returns a `Result`.
    pub returns: TypeSchema,
    /// The method's own error, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TypeSchema>,
}

/// The schema of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventSchema {
    /// The event's documentation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The note of `#[deprecated]`, which may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
    /// The map of fields.
    pub fields: TypeSchema,
}

/// The JSON Schema of a type: what is read, and what is written.
///
/// They often differ: a missing `Option` is read as `None`, but `None` is always written. In JSON
/// it is the one schema where they are equal, else `{"read": …, "written": …}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "TypeDocument", into = "TypeDocument")]
#[non_exhaustive]
pub struct TypeSchema {
    /// What the decoder takes.
    pub read: Schema,
    /// What the encoder writes, where that is something else.
    pub written: Option<Schema>,
}

impl TypeSchema {
    pub(crate) fn new(read: Schema, written: Schema) -> Self {
        let written = Some(written).filter(|written| *written != read);
        Self { read, written }
    }

    /// What the encoder writes.
    #[must_use]
    pub fn written(&self) -> &Schema {
        self.written.as_ref().unwrap_or(&self.read)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum TypeDocument {
    Two(Two),
    One(Schema),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Two {
    read: Schema,
    written: Schema,
}

impl From<TypeDocument> for TypeSchema {
    fn from(document: TypeDocument) -> Self {
        match document {
            TypeDocument::One(read) => Self { read, written: None },
            TypeDocument::Two(Two { read, written }) => Self { read, written: Some(written) },
        }
    }
}

impl From<TypeSchema> for TypeDocument {
    fn from(TypeSchema { read, written }: TypeSchema) -> Self {
        match written {
            None => Self::One(read),
            Some(written) => Self::Two(Two { read, written }),
        }
    }
}

impl ApiSchema {
    pub(crate) fn empty(name: String) -> Self {
        Self {
            name,
            format: FORMAT,
            version: None,
            description: String::new(),
            methods: BTreeMap::new(),
            events: BTreeMap::new(),
            definitions: Map::new(),
        }
    }

    /// Reads a schema from JSON.
    ///
    /// # Errors
    ///
    /// If the text is not the schema of an API.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The schema as JSON, indented and sorted, so that version control shows what changed.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Nothing in it has keys other than text, and nothing else can fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(timeout: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        let milliseconds = timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        milliseconds.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}
