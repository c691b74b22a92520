//! Lightbus lets the applications of one company talk to each other: **calls** (call a method, get a typed answer or a
//! typed error) and **events** (publish what happened; whoever cares has subscribed). It stands on RabbitMQ and
//! MessagePack.
//!
//! The contract between applications is one Rust trait with [`#[lightbus::api]`](macro@api) on it.

// Generated code says `::lightbus`, in this crate too.
#[allow(unused_extern_crates)]
extern crate self as lightbus;

pub mod api;
mod bus;
pub mod codec;
pub mod config;
mod context;
mod error;
pub mod event;
pub mod message;
pub mod name;
mod panic;
pub mod prelude;
pub mod rpc;
pub mod schema;
mod sync;
mod tasks;
mod transport;
mod turns;

pub use lightbus_macros::api;

pub use crate::bus::{Bus, BusBuilder, Serve, Subscribe};
pub use crate::context::Context;
pub use crate::error::{Error, Result};
pub use crate::event::HandlerError;
pub use crate::rpc::{Call, CallError};

/// What generated code is made of. It is no part of the public interface and changes at any time.
#[doc(hidden)]
pub mod __private {
    pub use schemars;
    pub use serde;

    pub use crate::api::{Api, ApiDescriptor, Dispatch, Event, EventDescriptor, MethodDescriptor};
    pub use crate::bus::{Bus, client};
    pub use crate::context::Context;
    pub use crate::rpc::{Argument, Call, Client, Invocation, Outcome};
    pub use crate::schema::{inline, reference};
}
