//! A message bus for the applications of one company, on RabbitMQ and MessagePack.
//!
//! - **Calls**: call a method of another application and get a typed value or a typed error.
//! - **Events**: publish that something happened. Every application that subscribed receives it.
//!
//! The contract between applications is a trait with [`#[lightbus::api]`](macro@api):
//!
//! ```
//! use lightbus::prelude::*;
//!
//! #[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
//! pub enum WarrantyError {
//!     #[error("no product has the serial number {serial}")]
//!     UnknownProduct { serial: String },
//! }
//!
//! /// Warranty cover of products.
//! #[lightbus::api(name = "company.warranty")]
//! pub trait Warranty {
//!     /// Returns the last day of a product's cover.
//!     async fn check(&self, serial: &str) -> Result<String, WarrantyError>;
//!
//!     /// A customer registered a product.
//!     #[event]
//!     fn product_registered(serial: String, customer: u64);
//! }
//!
//! // One application serves the API and publishes its events.
//! struct Desk;
//!
//! impl Warranty for Desk {
//!     async fn check(&self, serial: &str) -> Result<String, WarrantyError> {
//!         match serial {
//!             "SN-0042" => Ok("2027-05-01".to_owned()),
//!             _ => Err(WarrantyError::UnknownProduct { serial: serial.to_owned() }),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> lightbus::Result<()> {
//! let bus = Bus::service("warranty").url("memory://company").connect().await?;
//! bus.serve(WarrantyServer::new(Desk)).await?;
//! bus.publish(ProductRegistered { serial: "SN-0042".to_owned(), customer: 7 }).await?;
//!
//! // Other applications call it and subscribe.
//! let other = Bus::service("support").url("memory://company").connect().await?;
//! other.subscribe("audit", |event: ProductRegistered| async move { println!("{event:?}") }).await?;
//!
//! let warranty = WarrantyClient::new(&other);
//! assert_eq!(warranty.check("SN-0042").await?, "2027-05-01");
//! let refused = warranty.check("SN-9999").await.unwrap_err();
//! assert!(matches!(refused, CallError::Method { error: WarrantyError::UnknownProduct { .. }, .. }));
//! # other.shutdown().await;
//! # bus.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | the syntax of the attributes | [`macro@api`], [`macro@subscriber`] |
//! | connecting, serving, publishing, subscribing | [`Bus`] |
//! | running and stopping | [`Bus::run`], [`Bus::run_until`], [`ConsumerHandle::stop`] |
//! | settings | [`BusBuilder`] and [`config`] |
//! | the errors of a call | [`CallError`] |
//! | event handlers and their errors | [`event::Handler`], [`HandlerError`] |
//! | retries of failed events | [`Retries`] |
//! | dropping repeats of events | [`Subscribe::dedupe`], [`DedupeStore`] |
//! | the context of a call or event | [`Context`] |
//! | headers of calls and events | [`Call::header`], [`event::Publish::header`], [`Context::header`] |
//! | code around calls and events | [`layer`] |
//! | dead letters | [`Bus::dead_letters`], [`BusBuilder::on_dead_letter`] |
//! | events of every type | [`Bus::subscribe_pattern`] |
//! | the health of this process | [`Bus::health`] |
//! | what the other processes do | [`Bus::introspection`] |
//! | statistics of this process | [`Bus::stats`] |
//! | the last messages of this process | [`Bus::recent`] |
//! | the story of a message, in all processes | [`Bus::trace`] |
//! | the JSON Schema of an API | [`api::Api::schema`] |
//!
//! # Cargo features
//!
//! | feature | effect | default |
//! |---|---|---|
//! | `testing` | the test kit, [`testing`](https://docs.rs/lightbus/latest/lightbus/testing/): for `[dev-dependencies]` | off |
//! | `tls` | `amqps://` with rustls | off |
//!
//! # Runtime
//!
//! A bus runs on the [tokio](https://tokio.rs) runtime on which [`BusBuilder::connect`] is awaited. Both flavours work.
//! Lightbus logs through [`tracing`](https://docs.rs/tracing).

// docs.rs shows which items need a cargo feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

// Generated code says `::lightbus`, in this crate too.
#[allow(unused_extern_crates)]
extern crate self as lightbus;

pub mod api;
mod builtin;
mod bus;
pub mod config;
mod context;
mod duration;
mod error;
pub mod event;
mod health;
pub mod introspection;
pub mod layer;
mod meter;
pub mod prelude;
mod protocol;
pub mod recorder;
pub mod rpc;
mod runtime;
mod span;
pub mod stats;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;

pub use lightbus_macros::{api, subscriber};

pub use crate::api::schema;
pub use crate::bus::{Bus, BusBuilder, ConsumerHandle, DeadLetters, Serve, Subscribe, SubscribeAll, Subscriber};
pub use crate::context::{Context, ContextBuilder};
pub use crate::error::{Error, Result};
pub use crate::event::dedupe::DedupeStore;
pub use crate::event::handler::HandlerError;
pub use crate::event::recent_ids::RecentIds;
pub use crate::event::retries::Retries;
pub use crate::health::{ConsumerHealth, ConsumerKind, Health};
pub use crate::protocol::{codec, message, name};
pub use crate::rpc::call::Call;
pub use crate::rpc::error::CallError;

/// Used by generated code. Not part of the public API; it may change at any time.
#[doc(hidden)]
pub mod __private {
    pub use schemars;
    pub use serde;

    pub use crate::api::schema::{
        ArgumentsSchema, Part, Probe, described, inline, probe, property, property_or_default, reference,
    };
    pub use crate::api::{Api, ApiDescriptor, Event, EventDescriptor, MethodDescriptor};
    pub use crate::bus::{Bus, Subscribe, Subscriber, client, subscribe_handlers};
    pub use crate::context::Context;
    pub use crate::event::handler_table::{EventHandler, handled};
    pub use crate::layer::{Layer, Layered};
    pub use crate::rpc::call::Call;
    pub use crate::rpc::{
        Argument, Arguments, Client, Dispatch, Invocation, IsNoResult, Lend, Outcome, Returned, StrArgument, invocation,
    };
}
