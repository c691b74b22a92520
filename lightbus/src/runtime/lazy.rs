//! Builders that are futures.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future on the heap.
pub(crate) type BoxFuture<O> = Pin<Box<dyn Future<Output = O> + Send>>;

/// The state of a builder: its settings until the first poll, and then the future.
pub(crate) enum Lazy<S, O> {
    Settings(S),
    /// The work could not be started, because making its future panicked.
    Starting,
    Running(BoxFuture<O>),
}

impl<S, O> Lazy<S, O> {
    /// The settings, unless the work has started.
    pub(crate) fn settings(&self) -> Option<&S> {
        match self {
            Self::Settings(settings) => Some(settings),
            Self::Starting | Self::Running(_) => None,
        }
    }

    /// Changes the settings, unless the work has started.
    pub(crate) fn set(&mut self, change: impl FnOnce(&mut S)) {
        if let Self::Settings(settings) = self {
            change(settings);
        }
    }

    /// Polls the work, which the first poll starts.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, start: impl FnOnce(S) -> BoxFuture<O>) -> Poll<O> {
        if let Self::Settings(_) = self
            && let Self::Settings(settings) = mem::replace(self, Self::Starting)
        {
            *self = Self::Running(start(settings));
        }
        match self {
            Self::Running(work) => work.as_mut().poll(cx),
            Self::Settings(_) | Self::Starting => Poll::Pending,
        }
    }
}
