//! Runs code of the application: a panic becomes a message, wherever in that code it happens.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs code of the application, and returns the message of its panic as an error.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let message = message(&*panic);
        // The payload is the application's, too, and so is its `Drop`.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        message
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(message) = panic.downcast_ref::<&'static str>() {
        (*message).to_owned()
    } else if let Some(message) = panic.downcast_ref::<String>() {
        message.clone()
    } else {
        "it left no message".to_owned()
    }
}

/// A future of the application whose panics become errors, also when it is dropped half-way.
///
/// It is boxed, so that the layers around it do not copy a large future from stack frame to stack frame.
pub(crate) struct Guarded<F> {
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Guarded<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Some(Box::pin(future)) }
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        match catch(|| future.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => {
                let future = self.future.take();
                Poll::Ready(catch(|| drop(future)).map(|()| output))
            }
            Err(message) => {
                let future = self.future.take();
                let _ = catch(|| drop(future));
                Poll::Ready(Err(message))
            }
        }
    }
}

impl<F> Drop for Guarded<F> {
    fn drop(&mut self) {
        let future = self.future.take();
        if let Err(message) = catch(|| drop(future)) {
            tracing::error!("a handler that was cut off panicked while it was dropped: {message}");
        }
    }
}
