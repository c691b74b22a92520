//! What a process does on the bus.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Ping;

/// What a process serves, publishes, calls and subscribes to, and its settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Info {
    /// Who it is.
    pub ping: Ping,
    /// The APIs that it serves.
    pub serves: Vec<ServedApi>,
    /// The APIs whose events it may publish.
    pub publishes: Vec<KnownApi>,
    /// The APIs that it has clients of.
    pub calls: Vec<KnownApi>,
    /// Its subscriptions.
    pub subscriptions: Vec<SubscriptionInfo>,
    /// Its effective settings, without the password.
    pub settings: Map<String, Value>,
}

/// An API that a process serves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct ServedApi {
    /// The API's name.
    pub api: String,
    /// The version of the crate with its trait. Empty if it is not known.
    pub version: String,
    /// The [hash](crate::schema::ApiSchema::hash) of its schema. Empty if there is none.
    pub hash: String,
    /// How many calls the process runs at a time.
    pub concurrency: u16,
    /// How many calls the process takes from the broker at a time.
    pub prefetch: u16,
    /// Whether the broker sends it calls.
    pub consuming: bool,
    /// Why the broker does not, if that is known.
    pub problem: Option<String>,
    /// The API's methods.
    pub methods: Vec<ServedMethod>,
}

/// A method of an API that a process serves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct ServedMethod {
    /// The method's name.
    pub name: String,
    /// Whether it runs again when its server died.
    pub idempotent: bool,
    /// How long calls wait unless they say otherwise, in milliseconds, if the method has a default of its own.
    pub timeout_ms: Option<u64>,
}

/// An API that a process knows, as it was when the process was built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct KnownApi {
    /// The API's name.
    pub api: String,
    /// The version of the crate with its trait. Empty if it is not known.
    pub version: String,
    /// The [hash](crate::schema::ApiSchema::hash) of its schema. Empty if there is none.
    pub hash: String,
}

/// A subscription of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// The subscription's name.
    pub name: String,
    /// The pattern of the events that it gets: the full name of one event, or several events.
    pub pattern: String,
    /// The API that its event belongs to. `None` for a subscription to a pattern.
    pub api: Option<KnownApi>,
    /// After how long a failed event is handled again, in milliseconds.
    pub retries_ms: Vec<u64>,
    /// How many events the process handles at a time.
    pub concurrency: u16,
    /// How many events the process takes from the broker at a time.
    pub prefetch: u16,
    /// How long the handler may take for one event, in milliseconds.
    pub handler_timeout_ms: u64,
    /// Whether it drops repeats.
    pub dedupe: bool,
    /// How many repeats it has dropped.
    pub repeats: u64,
    /// Whether the broker sends it events.
    pub consuming: bool,
    /// Why the broker does not, if that is known.
    pub problem: Option<String>,
}
