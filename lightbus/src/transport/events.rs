//! Events: publishing, subscribing, and settling what was delivered.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::consumer::Consumer;
use crate::error::Error;
use crate::protocol::destination::Destination;
use crate::protocol::failure::FailureRecord;
use crate::protocol::message::EventMessage;
use crate::protocol::name::Pattern;

/// Publishes events and subscribes to them.
#[async_trait]
pub(crate) trait EventTransport {
    /// Publishes an event and returns once the broker has persisted it. An event that is not confirmed when the connection
    /// is lost is published again on the next one.
    ///
    /// # Errors
    ///
    /// When it is not confirmed by `deadline`, or the broker refuses it.
    async fn publish(&self, event: EventMessage, deadline: Instant) -> Result<(), PublishFailure>;

    /// Declares a subscription and hands its events to the sink, now and after every reconnect.
    ///
    /// # Errors
    ///
    /// When the broker refuses.
    async fn subscribe(&self, subscription: Subscription, sink: Arc<dyn EventSink>)
    -> Result<Arc<dyn Consumer>, Error>;
}

/// Why an event was not published.
#[derive(Debug)]
pub(crate) enum PublishFailure {
    /// There was no connection by the deadline.
    NotConnected,
    /// The broker had not confirmed it by the deadline, or when the transport was closed. It may have arrived.
    NotConfirmed,
    /// The broker does not take it.
    Refused,
    /// Anything else.
    Other(Error),
}

/// What a process subscribes to.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    /// Where its events wait.
    pub(crate) destination: Destination,
    /// Which events it gets, by full name.
    pub(crate) pattern: Pattern,
    /// How many events this process may hold unsettled.
    pub(crate) prefetch: u16,
    /// How long its events may have to wait for another attempt.
    pub(crate) waits: BTreeSet<Duration>,
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
    async fn retry(self: Box<Self>, delay: Duration, record: FailureRecord) -> Result<(), Error>;

    /// Moves the event to the subscription's dead letters, and returns when it is safe there.
    ///
    /// # Errors
    ///
    /// As for [`retry`](Self::retry).
    async fn dead_letter(self: Box<Self>, record: FailureRecord) -> Result<(), Error>;
}
