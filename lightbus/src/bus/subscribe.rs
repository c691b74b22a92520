//! Begins a subscription.

use std::collections::hash_map::Entry;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Bus;
use crate::error::Error;
use crate::event::{
    Dedupe, DedupeStore, DynDedupeStore, Handler, Read, RepeatCounter, Retries, Subscriber, SubscriberSettings,
};
use crate::protocol::name::{NameError, Pattern, SubscriptionName};
use crate::runtime::lazy::Lazy;
use crate::runtime::sync::lock;
use crate::transport::{EventSink, Subscription};

/// With less, no handler would get anywhere.
const SHORTEST_TIME_LIMIT: Duration = Duration::from_millis(1);

/// A subscription that has not begun yet: awaiting it begins it. Made by [`Bus::subscribe`] and
/// [`Bus::subscribe_pattern`].
#[must_use = "a subscription begins when this is awaited"]
pub struct Subscribe {
    state: Lazy<Settings, Result<(), Error>>,
}

struct Settings {
    bus: Bus,
    name: String,
    pattern: Result<Pattern, NameError>,
    subscriber: MakeSubscriber,
    concurrency: Option<u16>,
    prefetch: Option<u16>,
    handler_timeout: Option<Duration>,
    retries: Retries,
    dedupe: Option<Box<dyn DynDedupeStore>>,
}

/// Makes the subscriber once it is known how it runs. The types of the event and of the handler end here.
type MakeSubscriber = Box<dyn FnOnce(SubscriberSettings) -> Arc<dyn EventSink> + Send>;

impl Subscribe {
    pub(super) fn new<E, P, H>(
        bus: Bus,
        name: &str,
        pattern: Result<Pattern, NameError>,
        read: Read<E>,
        handler: H,
    ) -> Self
    where
        E: Send + 'static,
        P: 'static,
        H: Handler<E, P>,
    {
        let settings = Settings {
            bus,
            name: name.to_owned(),
            pattern,
            subscriber: Box::new(move |settings| Arc::new(Subscriber::new(handler, read, settings))),
            concurrency: None,
            prefetch: None,
            handler_timeout: None,
            retries: Retries::default(),
            dedupe: None,
        };
        Self { state: Lazy::Settings(settings) }
    }

    /// Limits how many events of this subscription this process handles at a time; at least 1. Default: the bus's, which
    /// is 16.
    ///
    /// With 1, one process handles events in the order in which they came. Events that are retried are the exception: the
    /// others do not wait for them.
    pub fn concurrency(mut self, events: u16) -> Self {
        self.state.set(|settings| settings.concurrency = Some(events));
        self
    }

    /// Limits how many events this process takes from the broker at a time: those that are handled and those that wait for
    /// their turn here. Default: the concurrency, so no event waits here while another process is idle.
    ///
    /// A larger prefetch keeps a process busy when its handler is much shorter than a round trip to the broker. Values below
    /// the concurrency are raised to it.
    pub fn prefetch(mut self, events: u16) -> Self {
        self.state.set(|settings| settings.prefetch = Some(events));
        self
    }

    /// How long the handler may take for one event. Without it the bus's default holds, which is 5 minutes.
    ///
    /// A handler that takes longer is cut off where it awaits, and has failed. RabbitMQ by itself takes an event away from a
    /// process that has not settled it within 30 minutes, and all other events of the subscription with it; a limit above
    /// that needs another `consumer_timeout` on the broker.
    pub fn handler_timeout(mut self, limit: Duration) -> Self {
        self.state.set(|settings| settings.handler_timeout = Some(limit));
        self
    }

    /// When an event whose handler failed is handled again. Without it: at once, and then after 1 s, 10 s and 60 s.
    ///
    /// Nothing waits for an event that is to be retried: other events are handled meanwhile, by any process of the service,
    /// and so is the retry. It must be safe for the handler to begin again.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.state.set(|settings| settings.retries = retries);
        self
    }

    /// Drops repeats: an event that this subscription has handled, by what the store remembers of its
    /// [id](crate::Context::message_id), is taken off the queue without being handled again. Without it, every delivery is
    /// handled.
    ///
    /// Handled is an event only when its handler has ended without an error. One that failed is handled again when it is
    /// retried, and when it is replayed from the dead letters. Of two deliveries of the same event that reach this process
    /// at the same time, the second waits, in its turn, until the first has ended, and is handled only if that failed.
    ///
    /// How many repeats were dropped is part of [`Bus::health`]. The log names each, at the level of `debug`.
    ///
    /// With [`RecentIds`](crate::RecentIds) each process knows what it has handled itself since it began. What is to hold
    /// for all processes of the service, and for longer, needs a [`DedupeStore`] of your own.
    ///
    /// ```
    /// use lightbus::RecentIds;
    /// use lightbus::prelude::*;
    ///
    /// # #[lightbus::api(name = "company.sales")]
    /// # trait Sales { #[event] fn product_sold(serial: String); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lightbus::Result<()> {
    /// # let bus = Bus::service("warranty").url("memory://").connect().await?;
    /// # bus.own_api::<SalesApi>();
    /// bus.subscribe("start-cover", |sold: ProductSold| async move { println!("{}", sold.serial) })
    ///     .dedupe(RecentIds::new(10_000))
    ///     .await?;
    /// bus.publish(ProductSold { serial: "SN-0042".to_owned() }).await?;
    ///
    /// for consumer in bus.health().consumers {
    ///     println!("{}: {} repeats", consumer.name, consumer.repeats);
    /// }
    /// # bus.shutdown().await;
    /// # Ok(()) }
    /// ```
    pub fn dedupe(mut self, store: impl DedupeStore) -> Self {
        self.state.set(|settings| settings.dedupe = Some(Box::new(store)));
        self
    }
}

impl Settings {
    async fn subscribe(self) -> Result<(), Error> {
        let inner = &self.bus.inner;
        if inner.tasks.is_draining() {
            return Err(Error::Closed);
        }
        let (name, pattern) = (SubscriptionName::new(&self.name)?, self.pattern?);
        let concurrency = self.concurrency.unwrap_or(inner.settings.event_concurrency).max(1);
        let repeats = RepeatCounter::default();
        match lock(&inner.subscribed).entry(name.clone()) {
            Entry::Occupied(_) => return Err(Error::AlreadySubscribed { name: self.name }),
            Entry::Vacant(free) => free.insert(repeats.clone()),
        };
        let handler_timeout = self.handler_timeout.unwrap_or(inner.settings.event_time_limit).max(SHORTEST_TIME_LIMIT);
        let waits = self.retries.waits();
        let settings = SubscriberSettings {
            name: name.clone(),
            concurrency,
            handler_timeout,
            retries: self.retries,
            dedupe: self.dedupe.map(|store| Dedupe::new(store, name.clone(), handler_timeout, repeats)),
            max_message_size: inner.settings.max_message_size,
            process: Arc::clone(&inner.process),
            tasks: inner.tasks.clone(),
        };
        let sink = (self.subscriber)(settings);
        let prefetch = self.prefetch.unwrap_or(concurrency).max(concurrency);
        let subscription =
            Subscription { service: inner.service.clone(), name: name.clone(), pattern, prefetch, waits };
        inner.transport.subscribe(subscription, sink).await.inspect_err(|_| {
            lock(&inner.subscribed).remove(&name);
        })
    }
}

impl Future for Subscribe {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.state.poll(cx, |settings| Box::pin(settings.subscribe()))
    }
}

impl fmt::Debug for Subscribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Subscribe");
        if let Some(settings) = self.state.settings() {
            fields
                .field("name", &settings.name)
                .field("pattern", &settings.pattern)
                .field("concurrency", &settings.concurrency)
                .field("handler_timeout", &settings.handler_timeout)
                .field("retries", &settings.retries)
                .field("dedupe", &settings.dedupe.is_some());
        }
        fields.finish_non_exhaustive()
    }
}
