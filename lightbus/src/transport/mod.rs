//! How messages travel: one trait in the bus's terms, and the transports behind it.
//!
//! A transport knows messages, queues of work and subscriptions; it knows nothing of types, handlers or errors of
//! methods. What arrives is handed to a *sink* of the layer above, inside the transport's own receiving loop, so a sink
//! never blocks: it spawns.

pub(crate) mod amqp;
pub(crate) mod memory;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::config::{Location, Settings};
use crate::error::Error;
use crate::health::Health;
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::protocol::failure::FailureRecord;
use crate::protocol::message::{EventMessage, Payload, Reply, Request};
use crate::protocol::name::{Pattern, ServiceName, SubscriptionName};

/// Counts the connections of a transport: every reconnect moves on to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(pub(crate) u64);

/// One process's way to the other processes.
#[async_trait]
pub(crate) trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Whether every process of the bus is this one, so that an answer needs nothing but a turn of its task.
    fn is_in_process(&self) -> bool {
        false
    }

    /// The generation of the connection that works now, if one does.
    fn generation(&self) -> Option<Generation>;

    /// Waits until a connection works. Never resolves while there is none.
    async fn connected(&self) -> Generation;

    /// Queues a request on the connection of that generation, without waiting for it to be written.
    ///
    /// Its answer goes to [`ReplySink::reply`]; that nobody serves the API goes to [`ReplySink::unroutable`]; the loss of
    /// the connection goes to [`ReplySink::lost`].
    ///
    /// # Errors
    ///
    /// [`NotSent`]: the request has not left and may be sent again.
    fn call(&self, generation: Generation, request: Request) -> Result<(), NotSent>;

    /// Waits until the connection of that generation can take requests for an API, or is gone.
    async fn reach(&self, generation: Generation, api: &str);

    /// How many processes are serving an API at this moment. `None` when that cannot be told.
    async fn servers(&self, api: &str) -> Option<u32>;

    /// Serves an API, now and after every reconnect: hands its requests to the sink.
    ///
    /// # Errors
    ///
    /// When the broker refuses.
    async fn serve(&self, api: &'static str, prefetch: u16, sink: Arc<dyn RequestSink>) -> Result<(), Error>;

    /// Publishes an event, on the next connection too when the first is lost, and returns when the broker has it safe.
    ///
    /// # Errors
    ///
    /// When it is not confirmed by `deadline`, or the broker refuses it.
    async fn publish(&self, event: EventMessage, deadline: Instant) -> Result<(), PublishFailure>;

    /// How many dead letters a subscription has.
    ///
    /// # Errors
    ///
    /// When the broker does not say.
    async fn dead_letter_count(&self, service: &ServiceName, name: &SubscriptionName) -> Result<u64, Error>;

    /// The oldest dead letters of a subscription, at most so many. They stay where they are.
    ///
    /// # Errors
    ///
    /// When the broker does not say.
    async fn dead_letters(
        &self,
        service: &ServiceName,
        name: &SubscriptionName,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error>;

    /// Does with dead letters of a subscription as the action says, and returns with how many. One that is replayed is
    /// removed once the subscription has it safe.
    ///
    /// # Errors
    ///
    /// When the broker refuses; some may have been settled by then.
    async fn settle_dead_letters(
        &self,
        service: &ServiceName,
        name: &SubscriptionName,
        selection: Selection,
        action: DeadLetterAction,
    ) -> Result<u64, Error>;

    /// Makes sure that a subscription exists and hands its events to the sink, now and after every reconnect.
    ///
    /// # Errors
    ///
    /// When the broker refuses.
    async fn subscribe(&self, subscription: Subscription, sink: Arc<dyn EventSink>) -> Result<(), Error>;

    /// How the connection and everything that is consumed do.
    fn health(&self) -> Health;

    /// Stops taking requests and events. When it returns, no sink is handed another one.
    async fn stop_consuming(&self);

    /// Gives everything back that is not settled, and closes the connection. Bounded in time.
    async fn close(&self);
}

/// A request that has not left this process.
#[derive(Debug)]
pub(crate) struct NotSent {
    pub(crate) why: WhyNotSent,
    pub(crate) request: Box<Request>,
}

/// Why a request has not left this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyNotSent {
    /// Its connection is gone.
    Lost,
    /// It is not known yet whether the broker can take requests for the API: [`Transport::reach`] finds out.
    NotReached,
}

/// Makes the transport that the URL asks for.
pub(crate) async fn connect(
    settings: &Settings,
    service: &ServiceName,
    process: &str,
    replies: Arc<dyn ReplySink>,
) -> Result<Arc<dyn Transport>, Error> {
    match settings.url.location() {
        Location::Memory { name } => Ok(memory::connect(settings, name.as_deref(), replies)),
        Location::Amqp { first, others } => amqp::connect(settings, (first, others), service, process, replies).await,
    }
}

/// Why an event was not published.
#[derive(Debug)]
pub(crate) enum PublishFailure {
    /// There was no connection by the deadline.
    NotConnected,
    /// The broker had not confirmed it by the deadline.
    NotConfirmed,
    /// The broker does not take it.
    Refused,
    /// Anything else.
    Other(Error),
}

/// What a process subscribes to.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    /// The service: its processes share the subscription.
    pub(crate) service: ServiceName,
    /// The subscription's name within the service.
    pub(crate) name: SubscriptionName,
    /// Which events it gets, by full name.
    pub(crate) pattern: Pattern,
    /// How many events this process may hold unsettled.
    pub(crate) prefetch: u16,
    /// How long its events may have to wait for another attempt.
    pub(crate) waits: BTreeSet<Duration>,
}

/// Takes what becomes of the calls of this process.
pub(crate) trait ReplySink: fmt::Debug + Send + Sync + 'static {
    /// The answer to a call. An id that is not known any more is ignored.
    fn reply(&self, id: &str, reply: Reply);

    /// Nobody serves the API of this call.
    fn unroutable(&self, id: &str);

    /// The connection of that generation is lost, and every call with it.
    fn lost(&self, generation: Generation);

    /// Whether any call is waiting.
    fn is_waiting(&self) -> bool;
}

/// Takes the requests for one API.
pub(crate) trait RequestSink: fmt::Debug + Send + Sync + 'static {
    /// Takes one request. Returns at once.
    fn deliver(&self, delivery: RequestDelivery);
}

/// A request, and the means to settle it.
#[derive(Debug)]
pub(crate) struct RequestDelivery {
    /// The request.
    pub(crate) request: Request,
    /// Whether it was handed out before and not settled: it may have been run.
    pub(crate) redelivered: bool,
    /// Settles it. Dropped unused, the request goes back to the queue.
    pub(crate) handle: Box<dyn RequestHandle>,
}

/// Settles one request.
#[async_trait]
pub(crate) trait RequestHandle: fmt::Debug + Send {
    /// Takes the request off the queue, without waiting, perhaps a moment later together with others. `false` when its
    /// connection is gone: someone else gets it, so it must not be run.
    fn accept(&mut self) -> bool;

    /// Sends the answer, without waiting. An answer whose connection is gone is dropped: its caller knows.
    fn reply(&mut self, reply: Reply);

    /// Sends the answer, and takes the request off the queue once the answer has left this process: a process that dies in
    /// between leaves the request to another one.
    async fn reply_then_accept(self: Box<Self>, reply: Reply);

    /// Gives the request back unrun, with the payload that it came with, for another process. It is not marked as
    /// redelivered.
    fn requeue(self: Box<Self>, payload: Payload);
}

/// Takes the events of one subscription.
pub(crate) trait EventSink: fmt::Debug + Send + Sync + 'static {
    /// Takes one event. Returns at once.
    fn deliver(&self, delivery: EventDelivery);
}

/// An event, and the means to settle it.
#[derive(Debug)]
pub(crate) struct EventDelivery {
    /// The event.
    pub(crate) event: EventMessage,
    /// Which attempt to handle it this is, from 1.
    pub(crate) attempt: u32,
    /// When the first attempt failed, since the Unix epoch.
    pub(crate) first_failed_at: Option<Duration>,
    /// Settles it. Dropped unused, the event goes back to the subscription, and the attempt does not count.
    pub(crate) handle: Box<dyn EventHandle>,
}

/// Settles one event.
#[async_trait]
pub(crate) trait EventHandle: fmt::Debug + Send {
    /// The event is handled.
    fn accept(self: Box<Self>);

    /// Has the event delivered to the subscription once more after `delay`, one of the subscription's own or zero, and
    /// returns when that is safe.
    ///
    /// # Errors
    ///
    /// When it could not be moved: it is then still unsettled at the broker and will be delivered again.
    async fn retry(self: Box<Self>, delay: Duration, story: FailureRecord) -> Result<(), Error>;

    /// Moves the event to the subscription's dead letters, and returns when it is safe there.
    ///
    /// # Errors
    ///
    /// As for [`retry`](Self::retry).
    async fn dead_letter(self: Box<Self>, story: FailureRecord) -> Result<(), Error>;
}
