//! Event handlers and their errors.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;

use crate::context::Context;
use crate::error::{Error, in_one_line};
use crate::protocol::failure::FailureReason;

/// Handles the events of a subscription.
///
/// Implemented for async functions and closures that take the event, or the event and its [`Context`]. They return `()` or a
/// `Result<(), E>` whose error converts into a [`HandlerError`]. Every error type does.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle events",
    label = "not a handler of events",
    note = "a handler is an async function or closure that takes the event, or the event and a `Context`, by value",
    note = "and returns `()` or a `Result<(), E>`, where `E` is `HandlerError`, any error that is `Send + Sync`, or `anyhow::Error`"
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

/// The return type of a handler: `()`, or a `Result` whose error converts into a [`HandlerError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a handler returns",
    label = "not the result of a handler",
    note = "a handler returns `()` or a `Result<(), E>`, where `E` is `HandlerError`, any error that is `Send + Sync`, or `anyhow::Error`"
)]
pub trait HandlerResult {
    /// Converts it.
    ///
    /// # Errors
    ///
    /// Returns the handler's error.
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

/// Why a handler could not handle an event.
///
/// `?` makes one of any error that is `Send + Sync`, of `anyhow::Error` and `Box<dyn Error + Send + Sync>`, and of a string.
///
/// ```
/// use lightbus::prelude::*;
///
/// # #[derive(Debug, thiserror::Error)] #[error("there is no product {0}")] struct NoSuchProduct(String);
/// async fn start_cover(serial: &str) -> Result<(), HandlerError> {
///     if serial.is_empty() {
///         // Another attempt would fail as well.
///         return Err(HandlerError::reject(NoSuchProduct(serial.to_owned())));
///     }
///     let _number: u32 = serial.trim_start_matches("SN-").parse()?;
///     Ok(())
/// }
/// ```
pub struct HandlerError {
    inner: Box<dyn StdError + Send + Sync>,
    reason: FailureReason,
}

impl HandlerError {
    /// Creates an error after which the event is retried.
    pub fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { inner: error.into(), reason: FailureReason::Failed }
    }

    /// Creates an error after which the event becomes a dead letter at once, because no attempt can succeed.
    pub fn reject(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { inner: error.into(), reason: FailureReason::Rejected }
    }

    /// The handler's event could not be decoded.
    pub(crate) fn undecodable(error: String) -> Self {
        Self { inner: error.into(), reason: FailureReason::Undecodable }
    }

    /// What a dead letter says of it.
    pub(crate) const fn reason(&self) -> FailureReason {
        self.reason
    }

    /// Whether the handler rejected the event.
    #[must_use]
    pub fn is_rejection(&self) -> bool {
        self.reason == FailureReason::Rejected
    }

    /// The error that the handler returned.
    #[must_use]
    pub fn inner(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.inner
    }

    /// The likely causes of the problem, and what to do, if an error of Lightbus is the cause.
    #[must_use]
    pub fn help(&self) -> Option<Cow<'_, str>> {
        if self.reason == FailureReason::Undecodable {
            return Some(Cow::Borrowed(
                "likely publisher and subscriber were built from different versions of the API. Deploy the newer one of this \
                 service, and replay the dead letter",
            ));
        }
        self.inner.downcast_ref::<Error>().and_then(Error::help)
    }

    /// Returns the error that the handler returned.
    #[must_use]
    pub fn into_inner(self) -> Box<dyn StdError + Send + Sync> {
        self.inner
    }
}

// `HandlerError` does not implement `Error`, so that this can cover every error. `anyhow::Error` and boxed errors are not
// `Error`s either, but all of them convert into a box.
impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

/// The error and its causes, joined by colons. With `{error:#}`, the help follows.
impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)?;
        let mut cause = self.inner.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        if f.alternate() { in_one_line(f, None, self.help()) } else { Ok(()) }
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError").field("reason", &self.reason).field("inner", &self.inner).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question_mark<E>(error: E) -> HandlerError
    where
        HandlerError: From<E>,
    {
        error.into()
    }

    #[test]
    fn an_error_of_lightbus_keeps_its_help() {
        let error = question_mark(Error::Closed);
        assert!(error.help().is_some());
        assert_eq!(error.help(), Error::Closed.help());
        assert_eq!(format!("{error}"), format!("{}", Error::Closed));
        assert_eq!(format!("{error:#}"), format!("{:#}", Error::Closed));
        assert_eq!(question_mark("the disk is full").help(), None);
    }

    #[test]
    fn question_mark_keeps_the_causes_of_any_error() {
        let io = || std::io::Error::other("the disk is full");
        let anyhow = anyhow::Error::new(io()).context("cannot store the event");
        assert_eq!(question_mark(anyhow).to_string(), "cannot store the event: the disk is full");
        let boxed: Box<dyn StdError + Send + Sync> = io().into();
        assert_eq!(question_mark(boxed).to_string(), "the disk is full");
        assert_eq!(question_mark(io()).to_string(), "the disk is full");
        assert_eq!(question_mark("no such product").to_string(), "no such product");
        assert!(question_mark(HandlerError::reject("no such product")).is_rejection());
    }
}
