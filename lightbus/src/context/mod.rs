//! What a handler knows about the call or the event that it handles.

mod extensions;

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::Instant;

pub(crate) use self::extensions::Extensions;
use crate::protocol::message::{Headers, LONGEST_WAIT, TraceContext};

tokio::task_local! {
    static CURRENT: Context;
}

/// What a handler knows about the call or the event that it handles.
///
/// A method takes it as `#[context] ctx: &Context`, an event handler as its second parameter. While a handler runs, it is
/// also the *current* context of the handler's task: calls made there inherit what is left of its deadline, and calls and
/// events carry its trace on. A task that the handler spawns does not inherit the context; hand it over with
/// [`Call::context`](crate::Call::context) or [`Publish::context`](crate::event::Publish::context).
///
/// A unit test builds one with [`Context::builder`].
#[derive(Debug, Clone)]
pub struct Context {
    details: Arc<Details>,
}

#[derive(Debug, Clone)]
struct Details {
    service: SmolStr,
    message_id: SmolStr,
    attempt: u32,
    /// Empty for a call.
    subscription: SmolStr,
    deadline: Option<Instant>,
    trace: Option<Box<TraceContext>>,
    headers: Headers,
    extensions: Extensions,
}

impl Context {
    pub(crate) fn new(
        service: SmolStr,
        message_id: SmolStr,
        attempt: u32,
        deadline: Option<Instant>,
        trace: Option<Box<TraceContext>>,
        headers: Headers,
    ) -> Self {
        Self {
            details: Arc::new(Details {
                service,
                message_id,
                attempt,
                subscription: SmolStr::default(),
                deadline,
                trace,
                headers,
                extensions: Extensions::default(),
            }),
        }
    }

    /// The context of an event that this subscription handles.
    pub(crate) fn in_subscription(mut self, name: SmolStr) -> Self {
        if let Some(details) = Arc::get_mut(&mut self.details) {
            details.subscription = name;
        }
        self
    }

    /// The subscription that handles the event. Empty for a call.
    pub(crate) fn subscription(&self) -> &SmolStr {
        &self.details.subscription
    }

    /// The id as messages hold it.
    pub(crate) fn id(&self) -> &SmolStr {
        &self.details.message_id
    }

    /// The name of the service as messages hold it.
    pub(crate) fn sender(&self) -> &SmolStr {
        &self.details.service
    }

    /// Starts building a context, to call a method or an event handler in a unit test.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lightbus::prelude::*;
    ///
    /// /// Warranty cover of products.
    /// #[lightbus::api(name = "company.warranty")]
    /// pub trait Warranty {
    ///     /// Greets the caller.
    ///     async fn greet(&self, #[context] ctx: &Context) -> String;
    /// }
    ///
    /// struct Desk;
    ///
    /// impl Warranty for Desk {
    ///     async fn greet(&self, ctx: &Context) -> String {
    ///         format!("Hello, {}", ctx.service())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let ctx = Context::builder().service("support").timeout(Duration::from_secs(5)).build();
    /// assert_eq!(Desk.greet(&ctx).await, "Hello, support");
    /// # }
    /// ```
    pub fn builder() -> ContextBuilder {
        ContextBuilder {
            details: Details {
                service: SmolStr::new_static("test"),
                message_id: SmolStr::new_static("test-1"),
                attempt: 1,
                subscription: SmolStr::default(),
                deadline: None,
                trace: None,
                headers: Headers::default(),
                extensions: Extensions::default(),
            },
        }
    }

    /// The service that called the method or published the event. Empty if a foreign peer did not say.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.details.service
    }

    /// The id of the call or of the event. An event keeps its id however often it is delivered, so this is what to
    /// deduplicate by; [`Subscribe::dedupe`](crate::Subscribe::dedupe) does so.
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.details.message_id
    }

    /// The number of this attempt to handle the event: 1 unless earlier attempts failed. Deliveries that a process did not
    /// live to settle are not counted. Always 1 for calls.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.details.attempt
    }

    /// When the caller stops waiting. `None` for events, and for calls of foreign peers that set no expiration.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.details.deadline
    }

    /// How long the caller still waits; zero once its deadline has passed. `None` without a deadline.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The trace that the call or the event belongs to.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.details.trace.as_deref()
    }

    /// The value of a header that the caller or the publisher gave to the message:
    /// [`Call::header`](crate::Call::header), [`Publish::header`](crate::event::Publish::header).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.details.headers.get(name)
    }

    /// The headers that the caller or the publisher gave to the message.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.details.headers
    }

    /// The value of this type that a [layer](crate::layer) has kept for the handler.
    #[must_use]
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.details.extensions.get()
    }

    /// The same context after the layers.
    pub(crate) fn layered(&self, headers: Headers, extensions: Extensions) -> Self {
        Self { details: Arc::new(Details { headers, extensions, ..(*self.details).clone() }) }
    }

    /// The context of the handler that this task runs. `None` outside a handler.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs a handler's future with this context as the current one.
    pub(crate) fn scope<F: Future>(self, future: F) -> TaskLocalFuture<Self, F> {
        CURRENT.scope(self, future)
    }
}

/// Builds a [`Context`] for a unit test. Made by [`Context::builder`].
///
/// Unless set otherwise, the context is that of a first attempt, from the service `test`, without a deadline and a trace.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct ContextBuilder {
    details: Details,
}

impl ContextBuilder {
    /// Sets the service that called the method or published the event.
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.details.service = service.into().into();
        self
    }

    /// Sets the id of the call or of the event.
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.details.message_id = id.into().into();
        self
    }

    /// Sets the number of the attempt, from 1.
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.details.attempt = attempt.max(1);
        self
    }

    /// Sets a deadline, this long after now.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.details.deadline = Some(Instant::now() + timeout.min(LONGEST_WAIT));
        self
    }

    /// Sets the trace.
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.details.trace = Some(Box::new(trace));
        self
    }

    /// Sets a header. One that no message can have is left out: [`Headers`] has the rules.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let _ = self.details.headers.insert(name.as_ref(), value.as_ref());
        self
    }

    /// Keeps a value for [`Context::extension`], as a layer would.
    pub fn extension<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.details.extensions.insert(value);
        self
    }

    /// Builds the context.
    #[must_use]
    pub fn build(self) -> Context {
        Context { details: Arc::new(self.details) }
    }
}
