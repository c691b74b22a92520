//! Begins to serve an API.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use super::Bus;
use crate::api::Api;
use crate::error::Error;
use crate::rpc::{Dispatch, Server, ServerSettings};
use crate::runtime::sync::lock;

/// An API that is not served yet: awaiting it serves it. Made by [`Bus::serve`].
#[must_use = "an API is served when this is awaited"]
pub struct Serve<D> {
    bus: Bus,
    server: D,
    concurrency: Option<u16>,
}

impl<D: Dispatch> Serve<D> {
    pub(super) fn new(bus: Bus, server: D) -> Self {
        Self { bus, server, concurrency: None }
    }

    /// How many calls of this API this process runs at a time; at least 1. Twice as many more may wait in this process.
    /// Without it the bus's default holds, which is 64.
    pub fn concurrency(mut self, calls: u16) -> Self {
        self.concurrency = Some(calls);
        self
    }

    async fn serve(self) -> Result<(), Error> {
        let inner = &self.bus.inner;
        let api = D::Api::DESCRIPTOR.name();
        if inner.tasks.is_draining() {
            return Err(Error::Closed);
        }
        let concurrency = self.concurrency.unwrap_or(inner.settings.call_concurrency).max(1);
        if !lock(&inner.serving).insert(api) {
            return Err(Error::AlreadyServing { api: api.to_owned() });
        }
        let settings = ServerSettings {
            service: inner.service.clone(),
            concurrency,
            max_message_size: inner.settings.max_message_size,
            tasks: inner.tasks.clone(),
        };
        let sink = Arc::new(Server::new(self.server, settings));
        // Registered first: a call that arrives at once may publish.
        inner.publisher.register(api);
        // What runs is off the queue already. With fewer waiting, the processor waits for the broker.
        let prefetch = concurrency.saturating_mul(2);
        inner.transport.serve(api, prefetch, sink).await.inspect_err(|_| {
            lock(&inner.serving).remove(api);
        })
    }
}

impl<D: Dispatch> IntoFuture for Serve<D> {
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.serve())
    }
}

impl<D: Dispatch> fmt::Debug for Serve<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("api", &D::Api::DESCRIPTOR.name())
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
