//! AMQP without a library: the limit of what a program on tokio can get out of the broker. It does nothing but move
//! messages, encode them and decode them. Nobody should write applications like this.

mod calls;
mod events;
mod frames;
mod wire;

pub(crate) use calls::{Caller, serve};
pub(crate) use events::{Publisher, subscribe};

/// How many messages may be on their way to a consumer.
const PREFETCH: u16 = 128;
