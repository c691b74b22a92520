//! Code around the messages of a bus: authentication, tenants, limits, logs.
//!
//! A layer is an async function. It sees each message on its way, may change it, and decides whether it goes on:
//!
//! ```
//! use lightbus::layer::{Message, Next, Occasion, Outcome};
//! use lightbus::prelude::*;
//!
//! #[derive(Debug, Clone, PartialEq)]
//! struct Tenant(String);
//!
//! /// Refuses what comes without a tenant, and shows handlers whose it is.
//! async fn tenant(message: &mut Message, next: Next<'_>) -> Outcome {
//!     if let Occasion::Serve | Occasion::Handle = message.occasion() {
//!         match message.header("x-tenant").map(str::to_owned) {
//!             Some(name) => message.insert(Tenant(name)),
//!             None => return Outcome::refuse("the header x-tenant is missing"),
//!         }
//!     }
//!     next.run(message).await
//! }
//!
//! # #[lightbus::api(name = "company.warranty")]
//! # pub trait Warranty { async fn whose(&self, #[context] ctx: &Context) -> Option<String>; }
//! # struct Desk;
//! # impl Warranty for Desk {
//! #     async fn whose(&self, ctx: &Context) -> Option<String> {
//! #         ctx.extension::<Tenant>().map(|tenant| tenant.0.clone())
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> lightbus::Result<()> {
//! let bus = Bus::service("warranty").url("memory://").layer(tenant).connect().await?;
//! # bus.serve(WarrantyServer::new(Desk)).await?;
//! # let warranty = WarrantyClient::new(&bus);
//! # assert_eq!(warranty.whose().header("x-tenant", "north").await?.as_deref(), Some("north"));
//! # assert!(matches!(warranty.whose().await, Err(CallError::Refused { .. })));
//! # bus.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! # The four occasions
//!
//! | [`Occasion`] | the message | added with |
//! |---|---|---|
//! | `Call` | a call that this process makes | [`BusBuilder::layer`](crate::BusBuilder::layer), [`Layered::layer`] on a client |
//! | `Serve` | a call that this process answers | `BusBuilder::layer`, [`Serve::layer`](crate::Serve::layer) |
//! | `Publish` | an event that this process publishes | `BusBuilder::layer` |
//! | `Handle` | an event that this process handles | `BusBuilder::layer`, [`Subscribe::layer`](crate::Subscribe::layer), [`SubscribeAll::layer`](crate::SubscribeAll::layer) |
//!
//! The layers of the bus are around those of a client, a server or a subscription. Among each, the one that was added first is
//! the outermost: it sees the message first and the outcome last.
//!
//! Each layer runs once for each message, and again for each attempt to handle a failed event. A message does not go on if a
//! layer does not call [`Next::run`]; a layer that calls it twice sends or handles the message twice. Layers run within the
//! deadline of a call or a publish and within the time limit of a handler, and a panic in them is a panic of the handler. What
//! the bus does for its own purposes, such as sending an event again after a lost connection, passes no layer.

mod message;
mod next;
mod outcome;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

pub use self::message::{Message, Occasion};
pub use self::next::Next;
pub use self::outcome::Outcome;

pub(crate) use self::message::Parts;
pub(crate) use self::next::{BoxFuture, End, run_until};
pub(crate) use self::outcome::Kind;

/// Code around messages. Every `async fn(&mut Message, Next<'_>) -> Outcome` is one.
///
/// A layer with state is a closure, or a type that implements this:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use lightbus::layer::{Layer, Message, Next, Outcome};
///
/// #[derive(Default)]
/// struct Count(AtomicU64);
///
/// impl Layer for Count {
///     async fn call(&self, message: &mut Message, next: Next<'_>) -> Outcome {
///         self.0.fetch_add(1, Ordering::Relaxed);
///         next.run(message).await
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer",
    label = "not a layer",
    note = "a layer is an `async fn(message: &mut Message, next: Next<'_>) -> Outcome` whose future is `Send`, an async closure \
            with these parameters and their types, or a type that implements `Layer`"
)]
pub trait Layer: Send + Sync + 'static {
    /// Handles one message: changes it, hands it on with [`Next::run`], looks at the outcome, or returns another one.
    fn call(&self, message: &mut Message, next: Next<'_>) -> impl Future<Output = Outcome> + Send;
}

/// A function that is a layer, for one lifetime of its parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer",
    label = "not a layer",
    note = "a layer is an `async fn(message: &mut Message, next: Next<'_>) -> Outcome` whose future is `Send`, an async closure \
            with these parameters and their types, or a type that implements `Layer`"
)]
#[doc(hidden)]
pub trait LayerFn<'a>: Send + Sync + 'static {
    /// What it returns.
    type Future: Future<Output = Outcome> + Send + 'a;

    /// Calls it.
    fn call_layer(&self, message: &'a mut Message, next: Next<'a>) -> Self::Future;
}

impl<'a, F, R> LayerFn<'a> for F
where
    F: Fn(&'a mut Message, Next<'a>) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'a,
{
    type Future = R;

    fn call_layer(&self, message: &'a mut Message, next: Next<'a>) -> R {
        self(message, next)
    }
}

impl<F: for<'a> LayerFn<'a>> Layer for F {
    async fn call(&self, message: &mut Message, next: Next<'_>) -> Outcome {
        self.call_layer(message, next).await
    }
}

/// A client that takes layers of its own. Generated clients implement it.
pub trait Layered: Sized {
    /// Adds a layer around the calls of this client and of its later clones: `WarrantyClient::new(&bus).layer(retry)`.
    #[must_use]
    fn layer(self, layer: impl Layer) -> Self;
}

/// Layers, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct Layers(Option<Arc<[Arc<dyn DynLayer>]>>);

/// A layer as an object.
pub(crate) trait DynLayer: Send + Sync {
    fn call<'a>(&'a self, message: &'a mut Message, next: Next<'a>) -> BoxFuture<'a, Outcome>;
}

impl<L: Layer> DynLayer for L {
    fn call<'a>(&'a self, message: &'a mut Message, next: Next<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(Layer::call(self, message, next))
    }
}

impl Layers {
    /// Adds one within the others.
    pub(crate) fn add(&mut self, layer: impl Layer) {
        self.append(&Self(Some([Arc::new(layer) as Arc<dyn DynLayer>].into())));
    }

    /// Adds others within these.
    pub(crate) fn append(&mut self, inner: &Self) {
        self.0 = match (&self.0, &inner.0) {
            (Some(outer), Some(inner)) => Some(outer.iter().chain(&**inner).cloned().collect()),
            (only, None) | (None, only) => only.clone(),
        };
    }

    /// Adds others within these.
    pub(crate) fn and(&self, inner: &Self) -> Self {
        let mut all = self.clone();
        all.append(inner);
        all
    }

    /// What runs them, if there are any.
    pub(crate) fn get<'a>(&'a self, end: &'a dyn End) -> Option<Next<'a>> {
        self.0.as_ref().map(|layers| Next::new(layers, end))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layers({})", self.0.as_ref().map_or(0, |layers| layers.len()))
    }
}
