//! The bus as an application sees it.

mod builder;
mod dead_letters;
mod serve;
mod shutdown;
mod subscribe;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

pub use self::builder::BusBuilder;
pub use self::dead_letters::DeadLetters;
pub use self::serve::Serve;
pub use self::subscribe::Subscribe;

use crate::api::{Api, ApiDescriptor, Event};
use crate::config::Settings;
use crate::event::{AnyEvent, Handler, Publish, Publisher, RepeatCounter, read_any, read_typed};
use crate::health::{ConsumerKind, Health};
use crate::protocol::message::full_name;
use crate::protocol::name::{Pattern, ServiceName, SubscriptionName};
use crate::rpc::{Caller, Client, Dispatch};
use crate::runtime::handler_tasks::HandlerTasks;
use crate::runtime::sync::lock;
use crate::transport::Transport;

/// One process's place on the bus: it serves APIs, calls them, publishes events and subscribes to them.
///
/// Cloning it is cheap; all clones are the same place. Leave it with [`shutdown`](Self::shutdown) or at the end of
/// [`run`](Self::run): handlers usually hold clones of it, so it does not end by being dropped.
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
    transport: Arc<dyn Transport>,
    caller: Caller,
    publisher: Publisher,
    tasks: HandlerTasks,
    serving: Mutex<HashSet<&'static str>>,
    subscribed: Mutex<HashMap<SubscriptionName, RepeatCounter>>,
    shut_down: OnceCell<()>,
}

impl Bus {
    /// Begins to put together a connection to the bus for a service: the application's name, which all of its processes
    /// share.
    ///
    /// Service names are made of lower-case letters, digits, `-` and `_`, such as `spare-parts`.
    pub fn service(name: impl Into<String>) -> BusBuilder {
        BusBuilder::new(name.into())
    }

    /// Serves an API: `bus.serve(WarrantyServer::new(desk)).await?`.
    ///
    /// When it returns, calls arrive. Several processes may serve one API; each call then goes to one of them. A call is
    /// executed at most once, unless its method is `#[rpc(idempotent)]`.
    ///
    /// # Errors
    ///
    /// When this process serves the API already, the bus is shut down, or the broker refuses.
    pub fn serve<D: Dispatch>(&self, server: D) -> Serve {
        Serve::new(self.clone(), server)
    }

    /// Says that this service owns an API without serving it, so that it may publish its events:
    /// `bus.own_api::<WarrantyApi>()`. Serving an API includes this.
    pub fn own_api<A: Api>(&self) {
        self.inner.publisher.register(A::DESCRIPTOR.name());
    }

    /// Publishes an event: `bus.publish(ProductRegistered { serial, customer }).await?`.
    ///
    /// It returns once the broker has the event safe for every subscription there is; that there is none is no error. If
    /// the connection is lost meanwhile, the event is sent again with the same id on the next one.
    ///
    /// # Errors
    ///
    /// When this service neither serves the API nor has [registered](Self::own_api) it, when the event cannot be encoded
    /// or is too large, when the broker has not confirmed it in time or refuses it, or the bus is shut down.
    pub fn publish<E: Event>(&self, event: E) -> Publish {
        Publish::new(self.inner.publisher.clone(), &event)
    }

    /// Subscribes to the event that the handler takes:
    /// `bus.subscribe("start-cover", |sold: ProductSold| async move { … }).await?`.
    ///
    /// The name belongs to the service: all of its processes that subscribe by that name share the events, and each event
    /// reaches one of them. From the first time on, events wait on the broker for the subscription even while no process
    /// of the service runs.
    ///
    /// Each event is delivered at least once. When the handler fails, panics or exceeds its
    /// [time limit](Subscribe::handler_timeout), the event is handled again: at once, and then after 1 s, 10 s and 60 s, unless
    /// [`retries`](Subscribe::retries) says otherwise. Other events are handled meanwhile. What fails on the last attempt, what the handler [is_rejection](crate::HandlerError::reject) and what does not
    /// decode goes to the subscription's [dead letters](Self::dead_letters).
    ///
    /// A handler that needs something of its own holds it in an `Arc` and hands a clone of it to each future:
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
    /// When the name is not valid or in use in this process, the bus is shut down, or the broker refuses.
    pub fn subscribe<E, P, H>(&self, name: &str, handler: H) -> Subscribe
    where
        E: Event,
        P: 'static,
        H: Handler<E, P>, // is called for each event, so it clones what it moves: `let desk = Arc::clone(&desk);`
    {
        let pattern = Pattern::new(&full_name(E::Api::DESCRIPTOR.name(), E::NAME));
        Subscribe::new(self.clone(), name, pattern, read_typed::<E>, handler)
    }

    /// Subscribes to every event whose full name, `{api}.{event}`, matches a pattern: `*` stands for one part of the name,
    /// `#` for any number of parts. The handler takes an [`AnyEvent`], so it needs no type of the events: for audit logs.
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

    /// The dead letters of a subscription of this service: events that its handler failed on for the last time or rejected,
    /// or that could not be decoded. They are kept until someone replays or discards them:
    /// `bus.dead_letters("start-cover").list(20).await?`.
    ///
    /// This process need not have the subscription itself.
    #[must_use]
    pub fn dead_letters(&self, subscription: &str) -> DeadLetters {
        DeadLetters::new(self.clone(), subscription)
    }

    /// How many calls of this process wait for their answers.
    #[must_use]
    pub fn calls_in_flight(&self) -> usize {
        self.inner.caller.waiting()
    }

    /// How this process does on the bus: whether it is connected, and whether everything that it serves and subscribes to
    /// is really consumed. It tells what is known already and asks nobody, so it may be called often: for a readiness probe,
    /// say. What is not well is being mended; a process need not be started anew for it.
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
        let mut health = self.inner.transport.health();
        let subscribed = lock(&self.inner.subscribed);
        for consumer in health.consumers.iter_mut().filter(|consumer| consumer.kind == ConsumerKind::Subscription) {
            let repeats = subscribed.iter().find(|(name, _)| name.as_str() == consumer.name);
            consumer.repeats = repeats.map_or(0, |(_, repeats)| repeats.count());
        }
        health
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
}

/// What a generated client is made of.
pub fn client(bus: &Bus, api: &'static ApiDescriptor) -> Client {
    Client::new(api, bus.inner.caller.clone())
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
