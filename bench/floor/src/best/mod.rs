//! A client with lapin, as fast as we can make it.
//!
//! Frames are queued at the first poll of a publish or an acknowledgement, and nothing waits until they are written. It does
//! what Lightbus does on an open connection, and nothing of what Lightbus does for a lost one.

mod acks;
mod caller;
mod publisher;
mod server;
mod subscriber;

use std::time::Duration;

pub(crate) use caller::Caller;
pub(crate) use publisher::Publisher;
pub(crate) use server::serve;
pub(crate) use subscriber::subscribe;

/// How many calls run at a time, as in Lightbus.
const CONCURRENCY: usize = 64;

/// As many again wait in the process.
const PREFETCH: u16 = 128;

const REPLY_TO: &str = "amq.rabbitmq.reply-to";

const PERSISTENT: u8 = 2;

/// The guarantees beyond moving bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extras {
    /// Sends properties: sender, type and expiration.
    properties: bool,
    /// Learns that no process serves the API.
    mandatory: bool,
    /// Ends every call by its deadline.
    deadline: Option<Duration>,
}

impl Extras {
    pub(crate) const NONE: Self = Self { properties: false, mandatory: false, deadline: None };

    pub(crate) fn all(deadline: Duration) -> Self {
        Self { properties: true, mandatory: true, deadline: Some(deadline) }
    }
}
