//! The API that every process answers questions by. It is made as any other API, and nobody serves it: questions arrive through
//! the transport's control.

mod info;
mod ping;
mod schema;

pub use self::info::{Info, KnownApi, ServedApi, ServedMethod, SubscriptionInfo};
pub use self::ping::Ping;
pub(crate) use self::schema::{SchemaPage, page};

use crate::recorder::{RecentFilter, Record};
use crate::stats::Stats;

/// The version of `docs/protocol.md` that this version of Lightbus follows.
pub(crate) const PROTOCOL: u32 = 1;

/// The longest schema that is asked for, in bytes.
pub(crate) const MAX_SCHEMA: u64 = 16 * 1024 * 1024;

/// The longest answer of a process, in bytes.
pub(crate) const MAX_ANSWER: usize = 64 * 1024;

/// Questions that every process answers about itself.
///
/// All fields of the answers have defaults, so processes of different versions understand each other.
#[lightbus::api(name = "lightbus.introspection")]
pub(crate) trait Introspect {
    /// Returns who the process is, and what it consumes.
    async fn ping(&self) -> Ping;

    /// Returns what the process serves, publishes, calls and subscribes to, and its settings.
    async fn info(&self) -> Info;

    /// Returns a part of the schema with that hash, from that byte on, if the process has it.
    async fn schema(&self, hash: String, from: u64) -> Option<SchemaPage>;

    /// Returns the statistics of the process.
    async fn stats(&self) -> Stats;

    /// Returns the last messages that the process sent and handled.
    async fn recent(&self, filter: RecentFilter) -> Vec<Record>;
}
