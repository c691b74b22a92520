//! Starts a subscription.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::facts::{Setup, SubscriptionSetup};
use super::registry::RegisteredConsumer;
use super::{Bus, ConsumerHandle, at_least_one};
use crate::api::ApiDescriptor;
use crate::error::Error;
use crate::event::{Dedupe, DedupeStore, DynDedupeStore, Handler, Read, Retries, Subscriber, SubscriberSettings};
use crate::health::ConsumerKind;
use crate::layer::{Layer, Layers};
use crate::protocol::destination::Destination;
use crate::protocol::name::{NameError, Pattern, SubscriptionName};
use crate::runtime::lazy::Lazy;
use crate::transport::{EventSink, Subscription};

/// A subscription that is about to start. Awaiting it starts it. Returned by [`Bus::subscribe`] and
/// [`Bus::subscribe_pattern`].
///
/// If the future is dropped before it has ended, this process does not subscribe. The subscription may exist on the broker by
/// then, where events wait for the next process that subscribes.
#[must_use = "a subscription starts once this is awaited"]
pub struct Subscribe {
    state: Lazy<Settings, Result<ConsumerHandle, Error>>,
}

struct Settings {
    bus: Bus,
    name: String,
    pattern: Result<Pattern, NameError>,
    api: Option<&'static ApiDescriptor>,
    subscriber: MakeSubscriber,
    concurrency: Option<u16>,
    prefetch: Option<u16>,
    handler_timeout: Option<Duration>,
    retries: Retries,
    dedupe: Option<Box<dyn DynDedupeStore>>,
    layers: Layers,
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
            api: None,
            subscriber: Box::new(move |settings| Arc::new(Subscriber::new(handler, read, settings))),
            concurrency: None,
            prefetch: None,
            handler_timeout: None,
            retries: Retries::default(),
            dedupe: None,
            layers: Layers::default(),
        };
        Self { state: Lazy::Settings(settings) }
    }

    /// Names the API of its event.
    pub(super) fn of_api(mut self, api: &'static ApiDescriptor) -> Self {
        self.state.set(|settings| settings.api = Some(api));
        self
    }

    /// Limits how many events of this subscription this process handles at a time. Default: the bus's, which is 16.
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

    /// Limits how long the handler may take for one event. Default: the bus's, which is 5 minutes.
    ///
    /// A handler that takes longer is cancelled where it awaits, and the attempt has failed. RabbitMQ takes back an event that
    /// a process has held for 30 minutes, and before 4.3 all other events that the process holds of the subscription. A longer
    /// timeout needs a longer `consumer_timeout` on the broker.
    pub fn handler_timeout(mut self, limit: Duration) -> Self {
        self.state.set(|settings| settings.handler_timeout = Some(limit));
        self
    }

    /// Sets when a failed event is handled again. The default is at once, and then after 1 s, 10 s and 60 s.
    ///
    /// Other events do not wait for a retry. Any process of the service may handle it. It must be safe for the handler to
    /// start again.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.state.set(|settings| settings.retries = retries);
        self
    }

    /// Drops repeats: an event whose [id](crate::Context::message_id) the store remembers is taken off the queue without being
    /// handled again. By default every delivery is handled.
    ///
    /// An event counts as handled once its handler returns `Ok`. A failed event is handled again when it is retried, and when
    /// it is replayed from the dead letters. If two deliveries of one event reach this process at the same time, the second
    /// waits in its turn until the first has ended, and is handled only if that failed.
    ///
    /// [`Bus::health`] counts the dropped repeats. The log names each of them at the level `debug`.
    ///
    /// With [`RecentIds`](crate::RecentIds) each process knows what it has handled itself since it started. To remember across
    /// processes, and for longer, implement [`DedupeStore`].
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

    /// Adds a [layer](crate::layer) around the handler of this subscription, within those of the bus.
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.state.set(|settings| settings.layers.add(layer));
        self
    }

    /// Adds layers that are kept already.
    pub(super) fn layers(mut self, layers: &Layers) -> Self {
        self.state.set(|settings| settings.layers.append(layers));
        self
    }
}

impl Settings {
    async fn subscribe(self) -> Result<ConsumerHandle, Error> {
        let bus = self.bus;
        let inner = &bus.inner;
        let (name, pattern) = (SubscriptionName::new(&self.name)?, self.pattern?);
        let concurrency = at_least_one(self.concurrency, inner.settings.event_concurrency)?;
        let handler_timeout = self.handler_timeout.unwrap_or(inner.settings.event_time_limit);
        if handler_timeout.is_zero() {
            let reason = "it is zero, so no handler would ever finish";
            return Err(Error::invalid_setting("handler_timeout", reason, "set a longer one"));
        }
        let reservation = inner.registry.reserve(ConsumerKind::Subscription, name.as_str(), &inner.runtime)?;
        let RegisteredConsumer { tasks, repeats, .. } = &*reservation.registered;
        let waits = self.retries.waits();
        let dedupe = self.dedupe.map(|store| Dedupe::new(store, name.clone(), handler_timeout, repeats.clone()));
        let prefetch = self.prefetch.unwrap_or(concurrency).max(concurrency);
        let _ = reservation.registered.setup.set(Setup::Subscription(SubscriptionSetup {
            pattern: pattern.to_string(),
            api: self.api,
            retries: (1..).map_while(|attempt| self.retries.delay_after(attempt)).collect(),
            concurrency,
            prefetch,
            handler_timeout,
            dedupe: dedupe.is_some(),
        }));
        let settings = SubscriberSettings {
            name: name.clone(),
            concurrency,
            handler_timeout,
            retries: self.retries,
            dedupe,
            max_message_size: inner.settings.max_message_size,
            process: Arc::clone(&inner.process),
            on_dead_letter: inner.on_dead_letter.clone(),
            tasks: tasks.clone(),
            meter: inner.meters.handled(name.text()),
            layers: inner.layers.and(&self.layers),
        };
        let sink = (self.subscriber)(settings);
        let destination = Destination::Subscription { service: inner.service.clone(), name };
        let subscription = Subscription { destination, pattern, prefetch, waits };
        let consumer = inner.transport.subscribe(subscription, sink).await?;
        let registered = reservation.fulfil(consumer);
        inner.facts.changes.notify();
        Ok(ConsumerHandle::new(bus.clone(), registered))
    }
}

impl Future for Subscribe {
    type Output = Result<ConsumerHandle, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.state.poll(cx, |settings| {
            let bus = settings.bus.clone();
            Box::pin(async move { bus.on_runtime(settings.subscribe()).await })
        })
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
