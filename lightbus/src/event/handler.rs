//! What can handle an event.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;

use crate::context::Context;

/// Handles the events of a subscription.
///
/// It is implemented for functions and closures of one parameter, the event, or of two, the event and its [`Context`],
/// that return a future of `()` or of a `Result` whose error turns into a [`HandlerError`], which `?` does from any
/// error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle events",
    label = "not a handler of events",
    note = "a handler is an async function or closure that takes the event, or the event and a `Context`, by value",
    note = "and returns `()` or a `Result<(), E>`, where `E` is `HandlerError` or any `std::error::Error + Send + Sync`"
)]
pub trait Handler<E, Parameters>: Send + Sync + 'static {
    /// Handles one event.
    fn handle(&self, event: E, context: Context) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

impl<E, H, F> Handler<E, (E,)> for H
where
    E: Send,
    H: Fn(E) -> F + Send + Sync + 'static,
    F: Future<Output: HandlerResult> + Send,
{
    fn handle(&self, event: E, _: Context) -> impl Future<Output = Result<(), HandlerError>> + Send {
        let handled = self(event);
        async move { handled.await.into_handler_result() }
    }
}

impl<E, H, F> Handler<E, (E, Context)> for H
where
    E: Send,
    H: Fn(E, Context) -> F + Send + Sync + 'static,
    F: Future<Output: HandlerResult> + Send,
{
    fn handle(&self, event: E, context: Context) -> impl Future<Output = Result<(), HandlerError>> + Send {
        let handled = self(event, context);
        async move { handled.await.into_handler_result() }
    }
}

/// What a handler may return: `()`, or a `Result` whose error turns into a [`HandlerError`].
pub trait HandlerResult {
    /// The one form of it.
    ///
    /// # Errors
    ///
    /// The handler's own.
    fn into_handler_result(self) -> Result<(), HandlerError>;
}

impl HandlerResult for () {
    fn into_handler_result(self) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl<E: Into<HandlerError>> HandlerResult for Result<(), E> {
    fn into_handler_result(self) -> Result<(), HandlerError> {
        self.map_err(Into::into)
    }
}

/// Why a handler could not handle an event. `?` makes one of any error.
///
/// ```
/// use lightbus::prelude::*;
///
/// # #[derive(Debug, thiserror::Error)] #[error("there is no product {0}")] struct NoSuchProduct(String);
/// async fn start_cover(serial: &str) -> Result<(), HandlerError> {
///     if serial.is_empty() {
///         // No further attempt would end differently.
///         return Err(HandlerError::reject(NoSuchProduct(serial.to_owned())));
///     }
///     let _number: u32 = serial.trim_start_matches("SN-").parse()?;
///     Ok(())
/// }
/// ```
pub struct HandlerError {
    source: Box<dyn StdError + Send + Sync>,
    is_rejection: bool,
}

impl HandlerError {
    /// The attempt failed; another one may succeed.
    pub fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: error.into(), is_rejection: false }
    }

    /// No attempt can succeed: the event becomes a dead letter at once.
    pub fn reject(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: error.into(), is_rejection: true }
    }

    /// Whether the handler rejected the event.
    #[must_use]
    pub fn is_rejection(&self) -> bool {
        self.is_rejection
    }

    /// The error itself.
    #[must_use]
    pub fn inner(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.source
    }
}

// `HandlerError` is no `Error` itself: that is what lets `?` make one of every `Error`.
impl<E: StdError + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

/// The error and its causes, joined by colons.
impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.source, f)?;
        let mut cause = self.source.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError").field("is_rejection", &self.is_rejection).field("source", &self.source).finish()
    }
}
