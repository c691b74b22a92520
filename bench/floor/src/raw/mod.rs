//! AMQP without a library: the highest rates that a program on tokio can reach with the broker. It only moves, encodes and decodes
//! messages. Do not write applications like this.

mod calls;
mod events;
mod frames;
mod wire;

pub(crate) use calls::{Caller, serve};
pub(crate) use events::{Publisher, subscribe};

/// How many messages may be on their way to a consumer.
const PREFETCH: u16 = 128;
