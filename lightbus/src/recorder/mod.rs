//! What happened in this process lately: the last messages that it sent and handled.
//!
//! Every process keeps a fixed number of records in memory ([`Settings::recorder_size`](crate::config::Settings)), without
//! bodies. [`Bus::recent`](crate::Bus::recent) returns those of its process.

mod filter;
mod record;
mod ring;
mod trace;

pub use self::filter::RecentFilter;
pub use self::record::{Cause, Next, Record, RecordKind};
pub use self::trace::{Step, Trace, TraceNode};

pub(crate) use self::record::Entry;
pub(crate) use self::ring::Recorder;
