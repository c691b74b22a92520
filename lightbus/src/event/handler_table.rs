//! The handlers of a type with `#[lightbus::subscriber]`, as a table.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::handler::{Handler, HandlerError, HandlerResult};
use super::retries::Retries;
use super::subscriber::expect;
use crate::api::{Api, ApiDescriptor, Event};
use crate::context::Context;
use crate::protocol::codec;
use crate::protocol::message::{EventMessage, full_name};

/// One method with `#[on]`: the subscription, and how the method is called.
///
/// Only its function pointer depends on the type of the event, so everything around it is compiled once for each type of
/// handlers.
pub struct EventHandler<S> {
    subscription: &'static str,
    api: &'static ApiDescriptor,
    event: &'static str,
    handle: Handle<S>,
    settings: HandlerSettings,
}

/// Calls the method with an event that was delivered.
type Handle<S> =
    for<'a> fn(&'a S, Delivered, Context) -> Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send + 'a>>;

/// The arguments of `#[on]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HandlerSettings {
    pub(crate) retries: Option<&'static [Duration]>,
    pub(crate) concurrency: Option<u16>,
    pub(crate) timeout: Option<Duration>,
    /// How many ids of events are remembered.
    pub(crate) dedupe: Option<u32>,
}

impl<S> EventHandler<S> {
    /// Describes a handler of events of type `E`. Generated code calls it in a constant.
    #[must_use]
    pub const fn new<E: Event>(subscription: &'static str, handle: Handle<S>) -> Self {
        let settings = HandlerSettings { retries: None, concurrency: None, timeout: None, dedupe: None };
        Self { subscription, api: E::Api::DESCRIPTOR, event: E::NAME, handle, settings }
    }

    /// Retries after these delays.
    #[must_use]
    pub const fn with_retries(mut self, delays: &'static [Duration]) -> Self {
        self.settings.retries = Some(delays);
        self
    }

    /// Handles at most this many events at a time.
    #[must_use]
    pub const fn with_concurrency(mut self, events: u16) -> Self {
        self.settings.concurrency = Some(events);
        self
    }

    /// Gives the handler this long for one event.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }

    /// Drops repeats of this many events.
    #[must_use]
    pub const fn with_dedupe(mut self, ids: u32) -> Self {
        self.settings.dedupe = Some(ids);
        self
    }

    pub(crate) const fn subscription(&self) -> &'static str {
        self.subscription
    }

    pub(crate) const fn api(&self) -> &'static ApiDescriptor {
        self.api
    }

    pub(crate) const fn settings(&self) -> HandlerSettings {
        self.settings
    }

    /// The full name of the event.
    pub(crate) fn event(&self) -> String {
        full_name(self.api.name(), self.event)
    }
}

impl HandlerSettings {
    pub(crate) fn retries(&self) -> Option<Retries> {
        self.retries.map(|delays| Retries::after(delays.iter().copied()))
    }
}

impl<S> fmt::Debug for EventHandler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventHandler")
            .field("subscription", &self.subscription)
            .field("event", &self.event())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// An event that has not been decoded yet.
#[derive(Debug)]
pub struct Delivered {
    message: EventMessage,
}

impl Delivered {
    /// Decodes the event.
    ///
    /// # Errors
    ///
    /// When the body does not have this type. The event becomes a dead letter.
    pub fn decode<E: DeserializeOwned>(self) -> Result<E, HandlerError> {
        codec::decode(&self.message.payload).map_err(|error| {
            HandlerError::undecodable(format!("{} does not decode: {error}", self.message.full_name()))
        })
    }
}

/// Takes an event as it is.
pub(crate) fn read_undecoded(message: EventMessage) -> Result<Delivered, String> {
    Ok(Delivered { message })
}

/// Turns what a method returns into the result of a handler.
///
/// # Errors
///
/// The handler's own.
pub fn handled<R: HandlerResult>(result: R) -> Result<(), HandlerError> {
    result.into_handler_result()
}

/// One handler with the value that it is called on.
pub(crate) struct BoundHandler<S: 'static> {
    state: Arc<S>,
    handler: &'static EventHandler<S>,
}

impl<S> BoundHandler<S> {
    pub(crate) fn new(state: Arc<S>, handler: &'static EventHandler<S>) -> Self {
        Self { state, handler }
    }
}

/// Tells the implementation below from those for closures.
pub(crate) enum ByTable {}

impl<S: Send + Sync> Handler<Delivered, ByTable> for BoundHandler<S> {
    async fn handle(&self, delivered: Delivered, context: Context) -> Result<(), HandlerError> {
        let EventHandler { api, event, handle, .. } = self.handler;
        expect(&delivered.message, api.name(), event).map_err(HandlerError::undecodable)?;
        handle(&self.state, delivered, context).await
    }
}
