//! What a handler may know of the call or the event that it handles.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::Instant;

use crate::protocol::message::TraceContext;

tokio::task_local! {
    static CURRENT: Context;
}

/// What is known of the call or the event that is being handled.
///
/// A method takes it as `#[context] ctx: &Context`, an event handler as its second parameter. While a handler runs
/// it is also the *current* context of its task: calls made there inherit what is left of its deadline, and calls and
/// events carry its trace on. A task that the handler spawns does not inherit it; hand it over there with
/// [`Call::context`](crate::rpc::Call::context).
#[derive(Debug, Clone)]
pub struct Context {
    details: Arc<Details>,
}

#[derive(Debug)]
struct Details {
    service: SmolStr,
    message_id: SmolStr,
    attempt: u32,
    deadline: Option<Instant>,
    trace: Option<Box<TraceContext>>,
}

impl Context {
    pub(crate) fn new(
        service: SmolStr,
        message_id: SmolStr,
        attempt: u32,
        deadline: Option<Instant>,
        trace: Option<Box<TraceContext>>,
    ) -> Self {
        Self { details: Arc::new(Details { service, message_id, attempt, deadline, trace }) }
    }

    /// The service that called the method or published the event. Empty when a foreign peer did not say.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.details.service
    }

    /// The id of the call or of the event. An event's id stays the same however often it is delivered, so it is what
    /// to deduplicate by; [`Subscribe::dedupe`](crate::Subscribe::dedupe) does so.
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.details.message_id
    }

    /// Which attempt to handle the event this is: 1, unless it failed before. A delivery that a process did not live to
    /// settle is not counted. Always 1 for calls.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.details.attempt
    }

    /// When the caller stops waiting. `None` for events, and for calls of foreign peers that set no expiration.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.details.deadline
    }

    /// How long the caller still waits; zero when its deadline has passed. `None` when there is no deadline.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The trace that the call or the event belongs to.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.details.trace.as_deref()
    }

    /// The context of the handler that this task runs, when it runs one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs a handler's future with this context as the current one.
    pub(crate) fn scope<F: Future>(self, future: F) -> TaskLocalFuture<Self, F> {
        CURRENT.scope(self, future)
    }
}
