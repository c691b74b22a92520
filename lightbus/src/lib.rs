//! Lightbus lets the applications of one company talk to each other: **calls** (call a method of another application, get
//! a typed answer or a typed error) and **events** (publish what happened; whoever cares has subscribed). It stands on
//! RabbitMQ and MessagePack.
//!
//! The contract between applications is one trait with [`#[lightbus::api]`](macro@api) on it:
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
//! /// Who is covered, and until when.
//! #[lightbus::api(name = "company.warranty")]
//! pub trait Warranty {
//!     /// The last day of a product's cover.
//!     async fn check(&self, serial: &str) -> Result<String, WarrantyError>;
//!
//!     /// A customer registered a product.
//!     #[event]
//!     fn product_registered(serial: String, customer: u64);
//! }
//!
//! // One application serves it and publishes its events …
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
//! // … and the others call it and subscribe.
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
//! | what the attribute accepts | [`macro@api`] |
//! | connecting, serving, publishing, subscribing | [`Bus`] |
//! | running and stopping | [`Bus::run`], [`Bus::run_until`], [`ConsumerHandle::stop`] |
//! | settings | [`BusBuilder`] and [`config`] |
//! | how a call can end | [`CallError`] |
//! | what can handle an event, and how it can fail | [`event::Handler`], [`HandlerError`] |
//! | when a failed event is handled again | [`Retries`] |
//! | dropping repeats of events | [`Subscribe::dedupe`], [`DedupeStore`] |
//! | what a handler knows of its call or event | [`Context`] |
//! | events that could not be handled | [`Bus::dead_letters`], [`BusBuilder::on_dead_letter`] |
//! | events of every type | [`Bus::subscribe_pattern`] |
//! | the health of this process | [`Bus::health`] |
//! | the JSON Schema of an API | [`api::Api::schema`] |
//!
//! # Cargo features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `tls` | `amqps://`, with rustls | off |
//!
//! # Runtime
//!
//! Everything runs on [tokio](https://tokio.rs), on the runtime that [`BusBuilder::connect`] is awaited on, of either flavour.
//! Lightbus logs through [`tracing`](https://docs.rs/tracing).

// docs.rs shows which items need a cargo feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

// Generated code says `::lightbus`, in this crate too.
#[allow(unused_extern_crates)]
extern crate self as lightbus;

pub mod api;
mod bus;
pub mod config;
mod context;
mod error;
pub mod event;
mod health;
pub mod prelude;
mod protocol;
pub mod rpc;
mod runtime;
mod transport;

pub use lightbus_macros::api;

pub use crate::api::schema;
pub use crate::bus::{Bus, BusBuilder, ConsumerHandle, DeadLetters, Serve, Subscribe};
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

/// What generated code is made of. It is no part of the public interface and changes at any time.
#[doc(hidden)]
pub mod __private {
    pub use schemars;
    pub use serde;

    pub use crate::api::schema::{ArgumentsSchema, described, inline, property, reference};
    pub use crate::api::{Api, ApiDescriptor, Event, EventDescriptor, MethodDescriptor};
    pub use crate::bus::{Bus, client};
    pub use crate::context::Context;
    pub use crate::rpc::call::Call;
    pub use crate::rpc::{
        Argument, Arguments, Client, Dispatch, Invocation, IsNoResult, Lend, Outcome, Returned, Text, invocation,
    };
}
