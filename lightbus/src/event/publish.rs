//! Publishes events.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use uuid::Uuid;

use super::layered;
use crate::api::{Api, Event};
use crate::context::Context;
use crate::duration::shown;
use crate::error::Error;
use crate::layer::{BoxFuture, Layers};
use crate::meter::{Meter, Meters, Sending};
use crate::protocol::codec::{self, EncodeError};
use crate::protocol::headers::ChosenHeaders;
use crate::protocol::message::{Encoding, EventMessage, LONGEST_WAIT, Payload, TraceContext, full_name};
use crate::protocol::name::ServiceName;
use crate::runtime::bus_runtime::BusRuntime;
use crate::runtime::lazy::Lazy;
use crate::runtime::sync::lock;
use crate::stats::Outcome;
use crate::transport::{PublishFailure, Transport};

/// An event that is about to be published. Awaiting it publishes the event, and returns once the broker has persisted it.
#[must_use = "an event is published once this is awaited"]
pub struct Publish {
    publisher: Publisher,
    state: Lazy<PreparedEvent, Result<(), Error>>,
}

#[derive(Debug)]
struct PreparedEvent {
    api: &'static str,
    event: &'static str,
    fields: Result<Payload, EncodeError>,
    timeout: Option<Duration>,
    context: Option<Context>,
    trace: Option<Box<TraceContext>>,
    headers: ChosenHeaders,
}

impl Publish {
    pub(crate) fn new<E: Event>(publisher: Publisher, event: &E) -> Self {
        let prepared = PreparedEvent {
            api: E::Api::DESCRIPTOR.name(),
            event: E::NAME,
            fields: codec::encode_checked(Encoding::MessagePack, event),
            timeout: None,
            context: None,
            trace: None,
            headers: ChosenHeaders::default(),
        };
        Self { publisher, state: Lazy::Settings(prepared) }
    }

    /// Sets how long to wait for the broker to persist the event. The default is the bus's, which is 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.state.set(|event| event.timeout = Some(timeout));
        self
    }

    /// Publishes on behalf of this context: the event carries its trace on.
    ///
    /// The handler's own task does so by itself. Tasks that the handler spawned need this.
    pub fn context(mut self, context: &Context) -> Self {
        self.state.set(|event| event.context = Some(context.clone()));
        self
    }

    /// Gives the event a header, which its handlers read:
    /// [`Context::header`](crate::Context::header). [`Headers`](crate::message::Headers) has the rules for names and values.
    ///
    /// Headers are for what is no part of the API, such as a tenant, a token or the id of a request. A handler's own headers do
    /// not go on with what it sends; [`BusBuilder::pass_on_headers`](crate::BusBuilder::pass_on_headers) names those that do.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.state.set(|event| event.headers.set(name.as_ref(), value.as_ref()));
        self
    }

    /// Makes the event part of this trace, instead of the current context's.
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.state.set(|event| event.trace = Some(Box::new(trace)));
        self
    }
}

impl fmt::Debug for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Publish").field(&self.state.settings()).finish()
    }
}

impl Future for Publish {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let Self { publisher, state } = self.get_mut();
        state.poll(cx, |event| {
            let publisher = publisher.clone();
            Box::pin(async move { publisher.publish(event).await })
        })
    }
}

/// Publishes the events of one process.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: PublisherSettings,
    transport: Arc<dyn Transport>,
    owned: Mutex<Owned>,
    meters: Arc<Meters>,
    closed: AtomicBool,
    runtime: Arc<BusRuntime>,
    /// The events that are being published.
    under_way: TaskTracker,
}

#[derive(Debug, Default)]
struct Owned {
    /// The APIs whose events this service may publish.
    apis: FxHashSet<&'static str>,
    /// Count the events that it has published, by API and event.
    meters: FxHashMap<(&'static str, &'static str), Arc<Meter>>,
}

#[derive(Debug)]
pub(crate) struct PublisherSettings {
    pub(crate) service: ServiceName,
    pub(crate) timeout: Duration,
    pub(crate) max_message_size: usize,
    /// The headers that a handler's events take over from what is handled.
    pub(crate) pass_on_headers: Arc<[SmolStr]>,
    pub(crate) layers: Layers,
}

impl Publisher {
    pub(crate) fn new(
        settings: PublisherSettings,
        transport: Arc<dyn Transport>,
        runtime: Arc<BusRuntime>,
        meters: Arc<Meters>,
    ) -> Self {
        let shared = Shared {
            settings,
            transport,
            owned: Mutex::default(),
            meters,
            closed: AtomicBool::new(false),
            runtime,
            under_way: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Lets this service publish the events of an API.
    pub(crate) fn register(&self, api: &'static str) {
        lock(&self.shared.owned).apis.insert(api);
    }

    /// Refuses every further event.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.shared.under_way.close();
    }

    /// Waits until no event is being published any more. Ends only after [`close`](Self::close).
    pub(crate) async fn idle(&self) {
        self.shared.under_way.wait().await;
    }

    async fn publish(&self, mut event: PreparedEvent) -> Result<(), Error> {
        let Shared { settings, transport, runtime, under_way, closed, .. } = &*self.shared;
        // Counted before it is asked whether the bus is closed: a shutdown waits for what is let through.
        let _under_way = under_way.token();
        let timeout = event.timeout.unwrap_or(settings.timeout).min(LONGEST_WAIT);
        let (api, name) = (event.api, event.event);
        let event_name = || full_name(api, name);
        event.context = event.context.or_else(Context::current);
        let ((meter, is_owned), now) = (self.look_up(api, name), Instant::now());
        let mut sending = meter.send(event.context.clone(), now);
        let (deadline, layers) = (now + timeout, &settings.layers);
        let context = if layers.is_empty() { None } else { event.context.clone() };
        let message = self.message(event, is_owned).inspect_err(|error| end_failed(&mut sending, error))?;
        sending.has_id(&message.id);
        let mut published: BoxFuture<'_, _> = if layers.is_empty() {
            transport.publish(message, deadline)
        } else {
            let published = layered::publish(layers, &**transport, message, settings.max_message_size, deadline);
            match context {
                Some(context) => Box::pin(context.scope(published)),
                None => Box::pin(published),
            }
        };
        let published = Pin::new(&mut published).instrument(sending.span().clone());
        let published = runtime.run(pin!(published)).await;
        let Some(published) = published else {
            let reason = "the tokio runtime of this bus ended before the broker confirmed it".to_owned();
            let error = Error::NotConfirmed { event: event_name(), reason };
            end_failed(&mut sending, &error);
            return Err(error);
        };
        let published = published.map_err(|failure| match failure {
            PublishFailure::NotConnected => Error::NotConnected { event: event_name(), timeout },
            PublishFailure::NotConfirmed if closed.load(Ordering::SeqCst) => {
                let reason = "the bus was shut down before the broker confirmed it".to_owned();
                Error::NotConfirmed { event: event_name(), reason }
            }
            PublishFailure::NotConfirmed => {
                let reason = format!("the broker did not confirm it within {}", shown(timeout));
                Error::NotConfirmed { event: event_name(), reason }
            }
            PublishFailure::Refused => Error::PublishRefused { event: event_name() },
            PublishFailure::Other(error) => error,
        });
        match &published {
            Ok(()) => sending.end(Outcome::Ok, None),
            Err(error) => end_failed(&mut sending, error),
        }
        published
    }

    /// Counts the event, and whether this service may publish it.
    fn look_up(&self, api: &'static str, event: &'static str) -> (Arc<Meter>, bool) {
        let mut owned = lock(&self.shared.owned);
        let meter = owned.meters.entry((api, event)).or_insert_with(|| self.shared.meters.published(api, event));
        (Arc::clone(meter), owned.apis.contains(api))
    }

    /// Checks what can be checked without the broker, and builds the message.
    fn message(&self, event: PreparedEvent, is_owned: bool) -> Result<EventMessage, Error> {
        let Shared { settings, closed, runtime, .. } = &*self.shared;
        if closed.load(Ordering::SeqCst) {
            return Err(Error::Closed);
        }
        if runtime.has_ended() {
            return Err(Error::RuntimeEnded);
        }
        if event.timeout == Some(Duration::ZERO) {
            let reason = "it is zero, so the broker could not confirm the event in time";
            return Err(Error::invalid_setting("publish_timeout", reason, "set a longer one"));
        }
        let name = || full_name(event.api, event.event);
        if !is_owned {
            return Err(Error::NotRegistered {
                service: settings.service.to_string(),
                api: event.api.to_owned(),
                event: name(),
            });
        }
        let payload = event.fields.map_err(|error| Error::InvalidEvent { event: name(), reason: error.to_string() })?;
        let (size, limit) = (payload.bytes.len(), settings.max_message_size);
        if size > limit {
            return Err(Error::EventTooLarge { event: name(), size: size as u64, limit: limit as u64 });
        }
        let headers = event.headers.finish(&settings.pass_on_headers, event.context.as_ref().map(Context::headers));
        let headers = headers.map_err(|error| Error::InvalidHeader { event: name(), error })?;
        Ok(EventMessage {
            id: SmolStr::new(Uuid::now_v7().hyphenated().encode_lower(&mut Uuid::encode_buffer())),
            api: SmolStr::new_static(event.api),
            event: SmolStr::new_static(event.event),
            publisher: settings.service.text(),
            payload,
            trace: event.trace.or_else(|| event.context.and_then(|context| context.trace().cloned().map(Box::new))),
            headers,
        })
    }
}

/// Ends the event for statistics: it was not published.
fn end_failed(sending: &mut Sending, error: &Error) {
    let outcome = match error {
        Error::NotConnected { .. } => Outcome::NotConnected,
        Error::NotConfirmed { .. } => Outcome::NotConfirmed,
        Error::PublishRefused { .. } | Error::Refused { .. } => Outcome::Refused,
        Error::Closed => Outcome::Closed,
        Error::RuntimeEnded => Outcome::RuntimeEnded,
        Error::EventTooLarge { .. } => Outcome::RequestTooLarge,
        _ => Outcome::InvalidRequest,
    };
    sending.end(outcome, Some(&error.to_string()));
}
