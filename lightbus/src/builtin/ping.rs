//! Who a process is.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who a process is, and what it consumes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Ping {
    /// The id of the process, `{service}@{host}:{pid}-{random}`. No other process has it.
    pub process: String,
    /// The service that it belongs to.
    pub service: String,
    /// The machine that it runs on.
    pub host: String,
    /// Its process id on that machine.
    pub pid: u32,
    /// When it connected, by its own clock, in milliseconds since the Unix epoch.
    pub started_at_ms: u64,
    /// What its clock says, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// The version of the application, if it says: [`BusBuilder::version`](crate::BusBuilder::version).
    pub version: String,
    /// The version of Lightbus.
    pub lightbus: String,
    /// The version of the protocol.
    pub protocol: u32,
    /// Whether it is connected, and the broker sends everything that it serves and subscribes to.
    pub healthy: bool,
    /// The names of the APIs whose calls it takes.
    pub serves: Vec<String>,
    /// The names of the subscriptions whose events it takes.
    pub subscriptions: Vec<String>,
    /// The names of the APIs that it has clients of.
    pub calls: Vec<String>,
}

impl Ping {
    /// When it connected, by its own clock.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        time(self.started_at_ms)
    }

    /// What its clock says.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        time(self.now_ms)
    }
}

/// A time that a peer sent. One that the system cannot represent becomes the epoch.
fn time(milliseconds: u64) -> SystemTime {
    let since = Duration::from_millis(milliseconds);
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
}
