//! The bus as an application sees it.

mod builder;
mod conflicts;
mod consumer_handle;
mod dead_letters;
mod facts;
mod introspected;
mod recent;
mod registry;
mod run;
mod serve;
mod shutdown;
mod signals;
pub(crate) mod similar;
mod subscribe;
mod subscribe_all;

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

pub use self::builder::BusBuilder;
#[cfg(feature = "testing")]
pub(crate) use self::builder::TestBusMember;
pub use self::consumer_handle::ConsumerHandle;
pub use self::dead_letters::DeadLetters;
pub use self::serve::Serve;
pub use self::subscribe::Subscribe;
pub use self::subscribe_all::{SubscribeAll, Subscriber, subscribe_handlers};

use self::facts::Facts;
use self::registry::Registry;
use crate::api::{Api, ApiDescriptor, Event};
use crate::config::Settings;
use crate::error::Error;
use crate::event::{AnyEvent, DeadLetterHook, Handler, Publish, Publisher, read_any, read_typed};
use crate::health::Health;
use crate::introspection::Remembered;
use crate::layer::Layers;
use crate::meter::Meters;
use crate::protocol::message::full_name;
use crate::protocol::name::{Pattern, ServiceName};
use crate::rpc::{Caller, Client, Dispatch};
use crate::runtime::bus_runtime::BusRuntime;
use crate::runtime::sync::Flag;
use crate::transport::Transport;

/// One process on the bus: it serves APIs, calls them, publishes events and subscribes to them.
///
/// Clones are cheap and share the connection. Leave the bus with [`shutdown`](Self::shutdown), or at the end of
/// [`run`](Self::run) or [`run_until`](Self::run_until): handlers usually hold clones of it, so dropping it does not end it.
///
/// A bus runs on the tokio runtime that [`connect`](BusBuilder::connect) was awaited on. Its operations may be awaited on any
/// thread.
///
/// ```
/// use lightbus::prelude::*;
///
/// /// Who is covered.
/// #[lightbus::api(name = "company.warranty")]
/// pub trait Warranty {
///     /// How many products are registered.
///     async fn registered(&self) -> u64;
/// }
///
/// struct Desk;
///
/// impl Warranty for Desk {
///     async fn registered(&self) -> u64 {
///         42
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> lightbus::Result<()> {
/// let bus = Bus::service("warranty").url("memory://").connect().await?;
/// bus.serve(WarrantyServer::new(Desk)).await?;
///
/// let warranty = WarrantyClient::new(&bus);
/// assert_eq!(warranty.registered().await?, 42);
/// # bus.shutdown().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    service: ServiceName,
    process: Arc<str>,
    settings: Settings,
    runtime: Arc<BusRuntime>,
    transport: Arc<dyn Transport>,
    /// Count and record what is sent and handled.
    meters: Arc<Meters>,
    caller: Caller,
    publisher: Publisher,
    registry: Registry,
    facts: Facts,
    /// What the processes consumed that answered earlier.
    remembered: Arc<Remembered>,
    on_dead_letter: Option<DeadLetterHook>,
    layers: Layers,
    /// A shutdown has begun.
    draining: Flag,
    /// Everything is refused from now on.
    closed: Flag,
    /// The shutdown has ended.
    shut_down: Flag,
}

impl Bus {
    /// Starts building a connection for the service `name`: the application, whose processes all have this name.
    ///
    /// Service names consist of lower-case letters, digits, `-` and `_`, such as `spare-parts`.
    pub fn service(name: impl Into<String>) -> BusBuilder {
        BusBuilder::new(name.into())
    }

    /// Serves an API: `bus.serve(WarrantyServer::new(desk)).await?`.
    ///
    /// Calls arrive once it has returned. Several processes may serve an API; each call goes to one of them. A call runs at
    /// most once, unless its method is `#[rpc(idempotent)]`.
    ///
    /// # Errors
    ///
    /// Fails if this process already serves the API, the bus is shut down, or the broker refuses.
    pub fn serve<D: Dispatch>(&self, server: D) -> Serve {
        Serve::new(self.clone(), server)
    }

    /// Declares that this service owns an API without serving it, so that it may publish the API's events:
    /// `bus.own_api::<WarrantyApi>()`. Serving an API includes this.
    pub fn own_api<A: Api>(&self) {
        self.inner.publisher.register(A::DESCRIPTOR.name());
        self.inner.facts.publishes.add(A::DESCRIPTOR);
    }

    /// Publishes an event: `bus.publish(ProductRegistered { serial, customer }).await?`.
    ///
    /// It returns once the broker has persisted the event for every subscription; publishing without subscribers succeeds. If
    /// the connection is lost meanwhile, the event is sent again under the same id on the next one.
    ///
    /// # Errors
    ///
    /// Fails if this service neither serves the API nor [owns](Self::own_api) it, the event cannot be encoded or is too
    /// large, the broker does not confirm it in time or refuses it, or the bus is shut down.
    pub fn publish<E: Event>(&self, event: E) -> Publish {
        Publish::new(self.inner.publisher.clone(), &event)
    }

    /// Subscribes to the event that the handler takes:
    /// `bus.subscribe("start-cover", |sold: ProductSold| async move { … }).await?`.
    ///
    /// The name belongs to the service. Its processes that subscribe under one name share the events: each event goes to one
    /// of them. Once a process has subscribed for the first time, events wait on the broker while no process of the service
    /// runs.
    ///
    /// Each event is delivered at least once. If the handler fails, panics or exceeds its
    /// [timeout](Subscribe::handler_timeout), the event is handled again: at once, and then after 1 s, 10 s and 60 s, unless
    /// [`retries`](Subscribe::retries) says otherwise. Other events do not wait for that. An event becomes a
    /// [dead letter](Self::dead_letters) if its last attempt fails, the handler [rejects](crate::HandlerError::reject) it, or it
    /// does not decode.
    ///
    /// Handlers that are methods subscribe with [`subscribe_all`](Self::subscribe_all). A closure that needs state holds it in an
    /// `Arc` and hands a clone to each future:
    ///
    /// ```
    /// # use lightbus::prelude::*;
    /// # use std::sync::Arc;
    /// # #[lightbus::api(name = "company.sales")]
    /// # trait Sales { #[event] fn product_sold(serial: String); }
    /// # struct Desk;
    /// # impl Desk {
    /// async fn start_cover(self: Arc<Self>, sold: ProductSold) -> Result<(), HandlerError> {
    ///     // …
    /// #   Ok(())
    /// }
    /// # }
    /// # async fn example(bus: Bus, desk: Arc<Desk>) -> lightbus::Result<()> {
    /// bus.subscribe("start-cover", move |sold: ProductSold| Arc::clone(&desk).start_cover(sold)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the name is not valid or this process already uses it, the bus is shut down, or the broker refuses.
    pub fn subscribe<E, P, H>(&self, name: &str, handler: H) -> Subscribe
    where
        E: Event,
        P: 'static,
        H: Handler<E, P>, // is called for each event, so it clones what it moves: `let desk = Arc::clone(&desk);`
    {
        let pattern = Pattern::new(&full_name(E::Api::DESCRIPTOR.name(), E::NAME));
        Subscribe::new(self.clone(), name, pattern, read_typed::<E>, handler).of_api(E::Api::DESCRIPTOR)
    }

    /// Subscribes the handlers of a type with [`#[lightbus::subscriber]`](macro@crate::subscriber):
    /// `bus.subscribe_all(DeskSubscriber::new(desk)).await?`.
    ///
    /// All subscriptions start at the same time. If one of them fails, the others are stopped. The handles come in the order of
    /// the methods.
    ///
    /// ```
    /// # use lightbus::prelude::*;
    /// # #[lightbus::api(name = "company.sales")]
    /// # trait Sales { #[event] fn product_sold(serial: String); }
    /// struct Desk;
    ///
    /// #[lightbus::subscriber]
    /// impl Desk {
    ///     /// Starts the cover of each product sold. The subscription is `start-cover`.
    ///     #[on(retries = "1s 10s 1m", concurrency = 4)]
    ///     async fn start_cover(&self, sold: ProductSold) -> Result<(), HandlerError> {
    ///         println!("{}", sold.serial);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lightbus::Result<()> {
    /// let bus = Bus::service("warranty").url("memory://").connect().await?;
    /// bus.subscribe_all(DeskSubscriber::new(Desk)).await?;
    /// # bus.shutdown().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if [`subscribe`](Self::subscribe) fails for any of them.
    pub fn subscribe_all(&self, subscriber: impl Subscriber) -> SubscribeAll {
        SubscribeAll::new(self.clone(), subscriber.subscribe(self))
    }

    /// Subscribes to every event whose full name, `{api}.{event}`, matches a pattern. `*` stands for one part of the name,
    /// `#` for any number of parts. The handler takes an [`AnyEvent`], so it needs none of the events' types, as an audit log.
    ///
    /// Everything else is as for [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    ///
    /// Those of [`subscribe`](Self::subscribe), and a pattern that is not valid.
    pub fn subscribe_pattern<P, H>(&self, name: &str, pattern: &str, handler: H) -> Subscribe
    where
        P: 'static,
        H: Handler<AnyEvent, P>,
    {
        Subscribe::new(self.clone(), name, Pattern::new(pattern), read_any, handler)
    }

    /// Returns the names of the subscriptions of this process, in the order in which they started.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<String> {
        self.inner.registry.subscriptions()
    }

    /// Returns the dead letters of a subscription of this service: events whose last attempt failed, that the handler
    /// rejected, or that did not decode. They are kept until someone replays or discards them:
    /// `bus.dead_letters("start-cover").list(20).await?`.
    ///
    /// The subscription may be another process's. Dead letters can be read and settled until the end of a
    /// [shutdown](Self::shutdown).
    #[must_use]
    pub fn dead_letters(&self, subscription: &str) -> DeadLetters {
        DeadLetters::new(self.clone(), subscription)
    }

    /// Returns the dead letters of a subscription of another service, for a tool that looks after several:
    /// `bus.dead_letters_of("warranty", "start-cover").count().await?`.
    ///
    /// The broker has to allow this process's user to read the queues of that service.
    #[must_use]
    pub fn dead_letters_of(&self, service: &str, subscription: &str) -> DeadLetters {
        DeadLetters::of_service(self.clone(), service, subscription)
    }

    /// Returns the dead letters of a task: `bus.dead_letters_of_task("company.warranty", "send_report")`.
    ///
    /// The broker has to allow this process's user to read the queues of the task.
    // Hidden for as long as a trait cannot declare tasks.
    #[doc(hidden)]
    #[must_use]
    pub fn dead_letters_of_task(&self, api: &str, task: &str) -> DeadLetters {
        DeadLetters::of_task(self.clone(), api, task)
    }

    /// How many calls of this process wait for their replies.
    #[must_use]
    pub fn calls_in_flight(&self) -> usize {
        self.inner.caller.waiting()
    }

    /// Returns the health of this process: whether it is connected, and whether the broker sends everything that it serves and
    /// subscribes to. It asks nobody, so it may be called often, for example by a readiness probe. Lightbus repairs by itself
    /// what is not healthy; restarting the process is not needed.
    ///
    /// ```
    /// # use lightbus::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lightbus::Result<()> {
    /// let bus = Bus::service("warranty").url("memory://").connect().await?;
    /// assert!(bus.health().is_healthy());
    /// # bus.shutdown().await;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn health(&self) -> Health {
        let runs = !self.inner.runtime.has_ended();
        let mut consumers = self.inner.registry.health();
        for consumer in &mut consumers {
            consumer.consuming &= runs;
        }
        Health { connected: runs && self.inner.transport.is_connected(), consumers }
    }

    /// The service that this process belongs to.
    #[must_use]
    pub fn service_name(&self) -> &ServiceName {
        &self.inner.service
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Polls an operation on the caller's thread, with the timers and tasks of the bus's runtime.
    async fn on_runtime<T>(&self, operation: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.inner.runtime.run(pin!(operation)).await.unwrap_or(Err(Error::RuntimeEnded))
    }
}

/// The concurrency of a consumer: its own, or else the bus's default.
fn at_least_one(own: Option<u16>, default: u16) -> Result<u16, Error> {
    match own.unwrap_or(default) {
        0 => Err(Error::invalid_setting("concurrency", "it is zero, so nothing would ever run", "set 1 or more")),
        concurrency => Ok(concurrency),
    }
}

/// The inside of a generated client.
pub fn client(bus: &Bus, api: &'static ApiDescriptor) -> Client {
    if bus.inner.facts.calls.add(api) {
        bus.inner.facts.changes.notify();
    }
    Client::new(api, bus.inner.caller.clone(), &bus.inner.meters)
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("process", &self.inner.process)
            .field("url", &self.inner.settings.url)
            .field("namespace", &self.inner.settings.namespace)
            .finish_non_exhaustive()
    }
}
