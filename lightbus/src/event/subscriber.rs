//! The receiving end of a subscription: takes events from the transport, runs the handler, settles.

use std::fmt;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::any::AnyEvent;
use super::dead_letter_hook::DeadLetterHook;
use super::dedupe::Dedupe;
use super::handler::{Handler, HandlerError};
use super::layered;
use super::retries::Retries;
use crate::api::{Api, Event};
use crate::context::Context;
use crate::duration::shown;
use crate::layer::{BoxFuture, Layers};
use crate::meter::{Handled, Meter, Received};
use crate::protocol::codec;
use crate::protocol::dead_letter::DeadLetter;
use crate::protocol::failure::{FailureReason, FailureRecord};
use crate::protocol::message::{EventMessage, full_name};
use crate::protocol::name::SubscriptionName;
use crate::recorder::Next;
use crate::runtime::guard::Guarded;
use crate::runtime::handler_tasks::HandlerTasks;
use crate::runtime::worker_pool::{Job, WorkerPool};
use crate::span;
use crate::stats::Outcome;
use crate::transport::{EventDelivery, EventHandle, EventSink};

/// The receiving end of one subscription in one process.
pub(crate) struct Subscriber<E, P, H> {
    handler: Arc<H>,
    shared: Arc<Shared<E>>,
    workers: WorkerPool<EventJob<E, P, H>>,
}

struct Shared<E> {
    settings: SubscriberSettings,
    read: Read<E>,
}

/// Makes the handler's event of a message, or says why there is none in it.
pub(crate) type Read<E> = fn(EventMessage) -> Result<E, String>;

#[derive(Debug)]
pub(crate) struct SubscriberSettings {
    pub(crate) name: SubscriptionName,
    /// How many events are handled at a time.
    pub(crate) concurrency: u16,
    pub(crate) max_message_size: usize,
    /// How long the handler may take for one event.
    pub(crate) handler_timeout: Duration,
    pub(crate) retries: Retries,
    /// Tells repeats apart, if that is wanted.
    pub(crate) dedupe: Option<Dedupe>,
    /// Who to name in the headers of an event that failed.
    pub(crate) process: Arc<str>,
    /// Is told of each dead letter.
    pub(crate) on_dead_letter: Option<DeadLetterHook>,
    pub(crate) tasks: HandlerTasks,
    /// Counts the events.
    pub(crate) meter: Arc<Meter>,
    pub(crate) layers: Layers,
}

/// How handling an event can fail.
pub(super) struct Failure {
    pub(super) reason: FailureReason,
    pub(super) error: String,
}

impl<E, P, H> Subscriber<E, P, H>
where
    E: Send + 'static,
    P: 'static,
    H: Handler<E, P>,
{
    pub(crate) fn new(handler: H, read: Read<E>, settings: SubscriberSettings) -> Self {
        let workers = WorkerPool::new(settings.tasks.clone(), settings.concurrency);
        let shared = Arc::new(Shared { settings, read });
        Self { handler: Arc::new(handler), shared, workers }
    }
}

/// Reads an event of one type.
pub(crate) fn read_typed<E: Event>(message: EventMessage) -> Result<E, String> {
    let (api, name) = (E::Api::DESCRIPTOR.name(), E::NAME);
    expect(&message, api, name)?;
    codec::decode(&message.payload).map_err(|error| format!("{api}.{name} does not decode: {error}"))
}

/// Checks that this is the event of the subscription.
pub(crate) fn expect(message: &EventMessage, api: &str, name: &str) -> Result<(), String> {
    if message.api == api && message.event == name {
        return Ok(());
    }
    Err(format!(
        "this subscription handles {api}.{name}, and the message is {}. Likely the subscription was used for that event \
         before: its queue on the broker is still bound to it. Give the new subscription another name, or unbind the queue",
        message.full_name()
    ))
}

/// Takes an event as it is.
pub(crate) fn read_any(message: EventMessage) -> Result<AnyEvent, String> {
    Ok(AnyEvent::new(message))
}

impl<E, P, H> EventSink for Subscriber<E, P, H>
where
    E: Send + 'static,
    P: 'static,
    H: Handler<E, P>,
{
    fn deliver(&self, delivery: EventDelivery) {
        let (handler, shared) = (Arc::clone(&self.handler), Arc::clone(&self.shared));
        let received = Arc::clone(&shared.settings.meter).receive();
        self.workers.run(EventJob { handler, shared, delivery, received, parameters: PhantomData });
    }
}

impl<E, P, H> fmt::Debug for Subscriber<E, P, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("name", &self.shared.settings.name).finish_non_exhaustive()
    }
}

/// An event on its way from its arrival to its end.
struct EventJob<E, P, H> {
    handler: Arc<H>,
    shared: Arc<Shared<E>>,
    delivery: EventDelivery,
    received: Received,
    parameters: PhantomData<fn(P)>,
}

impl<E, P, H> Job for EventJob<E, P, H>
where
    E: Send + 'static,
    P: 'static,
    H: Handler<E, P>,
{
    /// An `async fn` would store its parameters twice, and so would a caller that awaits a future that is not pinned here.
    fn run(self) -> impl Future<Output = ()> + Send {
        let Self { handler, shared, delivery, mut received, .. } = self;
        let EventDelivery { event, attempt, first_failed_at, handle } = delivery;
        async move {
            let tasks = &shared.settings.tasks;
            received.start(Instant::now());
            let (id, api, name) = (event.id.clone(), event.api.clone(), event.event.clone());
            let sender = event.publisher.clone();
            let kept = shared.settings.on_dead_letter.is_some().then(|| Box::new(event.clone()));
            let subscription = shared.settings.name.as_str();
            let span = received.in_span(|| span::handle(&api, &name, subscription, &id, attempt));
            let attempted = match &shared.settings.dedupe {
                None => tasks.unless_aborted(pin!(shared.run(&*handler, event, attempt).instrument(span))).await,
                // Boxed, as is what follows a failure: few events get there, and every one would carry the room for it.
                Some(dedupe) => {
                    Box::pin(shared.run_unless_repeat(dedupe, &*handler, event, attempt).instrument(span)).await
                }
            };
            let Some(result) = attempted else { return };
            let (outcome, failure) = match result {
                Ok(outcome) => (outcome, None),
                Err(failure) => (failure.reason.into(), Some(shared.record(failure, attempt, first_failed_at))),
            };
            let retry = failure.as_ref().map(|record| shared.retry(record));
            received.end(&Handled {
                id: &id,
                api: &api,
                member: &name,
                sender: &sender,
                attempt,
                outcome,
                error: failure.as_ref().map(|record| &*record.error),
                next: retry.map(Next::new),
            });
            match failure {
                None => handle.accept(),
                Some(record) => {
                    let delay = retry.flatten();
                    Box::pin(shared.settle(handle, record, delay, &id, &full_name(&api, &name), kept)).await;
                }
            }
        }
    }

    /// An event whose handle is dropped goes back to the subscription.
    fn decline(self) {}
}

impl<E: Send + 'static> Shared<E> {
    /// Has an event that failed delivered once more, or kept as a dead letter.
    async fn settle(
        &self,
        handle: Box<dyn EventHandle>,
        record: FailureRecord,
        delay: Option<Duration>,
        id: &str,
        event: &str,
        kept: Option<Box<EventMessage>>,
    ) {
        let (subscription, attempt) = (self.settings.name.as_str(), record.attempt);
        let mut letter = None;
        let moved = match delay {
            Some(delay) => {
                let when = if delay.is_zero() { "at once".to_owned() } else { format!("in {}", shown(delay)) };
                tracing::warn!(subscription, event, id, attempt, "retried {when}: {}", record.error);
                handle.retry(delay, record).await
            }
            None => {
                tracing::error!(subscription, event, id, attempt, "moved to the dead letters: {}", record.error);
                letter = kept.map(|message| DeadLetter::new(subscription, &message, record.reason, Some(&record)));
                handle.dead_letter(record).await
            }
        };
        if let Err(error) = moved {
            tracing::error!(subscription, event, id, "could not be moved, so it will be delivered again: {error:#}");
        } else if let (Some(hook), Some(letter)) = (&self.settings.on_dead_letter, letter) {
            let told = timeout(self.settings.handler_timeout, hook.call(letter));
            if let Some(Err(_)) = self.settings.tasks.unless_aborted(told).await {
                let limit = shown(self.settings.handler_timeout);
                tracing::error!(
                    subscription,
                    event,
                    id,
                    "`on_dead_letter` had not finished after {limit} and was cut off"
                );
            }
        }
    }

    /// How long the event has to wait for another attempt, if there is to be one.
    fn retry(&self, record: &FailureRecord) -> Option<Duration> {
        record.reason.is_retryable().then(|| self.settings.retries.delay_after(record.attempt)).flatten()
    }

    /// Runs the handler, unless the event was handled before. `None` when the event is to go back.
    async fn run_unless_repeat<P, H: Handler<E, P>>(
        &self,
        dedupe: &Dedupe,
        handler: &H,
        event: EventMessage,
        attempt: u32,
    ) -> Option<Result<Outcome, Failure>> {
        let (tasks, subscription) = (&self.settings.tasks, self.settings.name.as_str());
        let (id, name) = (event.id.to_string(), event.full_name());
        // It waits here for a delivery of the same event that is being handled. If it went back to the broker meanwhile, it
        // would come again at once, over and over, until the broker made it a dead letter.
        let _claim = tasks.unless_draining(dedupe.claim(&id)).await?;
        match tasks.unless_aborted(dedupe.is_repeat(&id)).await? {
            Ok(false) => {}
            Ok(true) => {
                tracing::debug!(subscription, event = name, id, "dropped a repeat of an event that was handled before");
                return Some(Ok(Outcome::Repeat));
            }
            Err(error) => return Some(Err(Failure::of_look_up(error))),
        }
        let result = tasks.unless_aborted(self.run(handler, event, attempt)).await?;
        if result.is_ok()
            && let Some(Err(error)) = tasks.unless_aborted(dedupe.remember(&id)).await
        {
            tracing::error!(
                subscription,
                event = name,
                id,
                "handled, but the store of dedupe did not remember it, so a repeat would be handled again: {error}"
            );
        }
        Some(result)
    }

    async fn run<P, H: Handler<E, P>>(
        &self,
        handler: &H,
        message: EventMessage,
        attempt: u32,
    ) -> Result<Outcome, Failure> {
        let (size, limit) = (message.payload.bytes.len(), self.settings.max_message_size);
        if size > limit {
            let error = format!("the event is {size} bytes long and the limit of this process is {limit}");
            return Err(Failure { reason: FailureReason::Undecodable, error });
        }
        let EventMessage { publisher, id, trace, headers, .. } = &message;
        let context = Context::new(publisher.clone(), id.clone(), attempt, None, trace.clone(), headers.clone())
            .in_subscription(self.settings.name.text());
        let (layers, subscription, given) = (&self.settings.layers, self.settings.name.as_str(), context.clone());
        let handled = context.scope(async move {
            if layers.is_empty() {
                return self.handle(handler, message, given).await;
            }
            let handle = |message, context| -> BoxFuture<'_, _> { Box::pin(self.handle(handler, message, context)) };
            Box::pin(layered::handle(layers, subscription, message, given, &handle)).await
        });
        match timeout(self.settings.handler_timeout, Guarded::new(handled)).await {
            Ok(Ok(result)) => result.map(|()| Outcome::Ok),
            Ok(Err(message)) => {
                let error = format!("the handler panicked: {message}");
                Err(Failure { reason: FailureReason::Panicked, error })
            }
            Err(_) => {
                let error = format!(
                    "the handler had not finished after {} and was cut off. Likely it waits for something that does not \
                     come; if it needs longer, raise the subscription's `handler_timeout`",
                    shown(self.settings.handler_timeout)
                );
                Err(Failure { reason: FailureReason::TimedOut, error })
            }
        }
    }

    /// Decodes the event and runs the handler. Decoding, and describing an error, run the application's code as much as that.
    async fn handle<P, H: Handler<E, P>>(
        &self,
        handler: &H,
        message: EventMessage,
        context: Context,
    ) -> Result<(), Failure> {
        let event = (self.read)(message).map_err(|error| Failure { reason: FailureReason::Undecodable, error })?;
        // Boxed, so that a large future is not copied through the layers around it.
        Box::pin(handler.handle(event, context)).await.map_err(Failure::from)
    }

    fn record(&self, failure: Failure, attempt: u32, first_failed_at: Option<Duration>) -> FailureRecord {
        let at = SystemTime::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
        FailureRecord {
            reason: failure.reason,
            error: failure.error,
            attempt,
            process: self.settings.process.to_string(),
            at,
            first_at: first_failed_at.unwrap_or(at),
        }
    }
}

impl Failure {
    /// The store of dedupe did not say whether the event is a repeat.
    fn of_look_up(error: HandlerError) -> Self {
        let Self { reason, error } = error.into();
        let error = format!("the store of dedupe did not say whether the event was handled before: {error}");
        Self { reason, error }
    }
}

impl From<HandlerError> for Failure {
    fn from(error: HandlerError) -> Self {
        let reason = error.reason();
        Self { reason, error: error.to_string() }
    }
}
