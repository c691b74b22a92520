//! Starts serving an API.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::facts::Setup;
use super::{Bus, ConsumerHandle, at_least_one};
use crate::api::{Api, ApiDescriptor};
use crate::error::Error;
use crate::health::ConsumerKind;
use crate::layer::{Layer, Layers};
use crate::recorder::RecordKind;
use crate::rpc::{Dispatch, Server, ServerSettings};
use crate::runtime::lazy::Lazy;
use crate::transport::RequestSink;

/// An API that is about to be served. Awaiting it serves the API. Returned by [`Bus::serve`].
///
/// If the future is dropped before it has ended, the API is not served.
#[must_use = "an API is served once this is awaited"]
pub struct Serve {
    state: Lazy<Settings, Result<ConsumerHandle, Error>>,
}

struct Settings {
    bus: Bus,
    api: &'static ApiDescriptor,
    server: MakeServer,
    concurrency: Option<u16>,
    prefetch: Option<u16>,
    layers: Layers,
}

/// Makes the server once it is known how it runs. The type of the implementation ends here.
type MakeServer = Box<dyn FnOnce(ServerSettings) -> Arc<dyn RequestSink> + Send>;

impl Serve {
    pub(super) fn new<D: Dispatch>(bus: Bus, server: D) -> Self {
        let api = D::Api::DESCRIPTOR;
        let server: MakeServer = Box::new(|settings| Arc::new(Server::new(server, settings)));
        Self {
            state: Lazy::Settings(Settings {
                bus,
                api,
                server,
                concurrency: None,
                prefetch: None,
                layers: Layers::default(),
            }),
        }
    }

    /// Limits how many calls of this API this process runs at a time. Default: the bus's, which is 64.
    ///
    /// A method that calls its own API takes a second place for that call. If such calls take all places, they wait for each
    /// other until their deadlines.
    pub fn concurrency(mut self, calls: u16) -> Self {
        self.state.set(|settings| settings.concurrency = Some(calls));
        self
    }

    /// Limits how many calls this process takes from the broker at a time: those that run and those that wait for their turn
    /// here. Default: the concurrency, so no call waits here while another process is idle.
    ///
    /// A larger prefetch keeps a process busy when its calls are much shorter than a round trip to the broker. Values below
    /// the concurrency are raised to it.
    pub fn prefetch(mut self, calls: u16) -> Self {
        self.state.set(|settings| settings.prefetch = Some(calls));
        self
    }

    /// Adds a [layer](crate::layer) around the methods of this API, within those of the bus.
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.state.set(|settings| settings.layers.add(layer));
        self
    }
}

impl Settings {
    async fn serve(self) -> Result<ConsumerHandle, Error> {
        let Self { bus, api: descriptor, server, concurrency, prefetch, layers } = self;
        let api = descriptor.name();
        let inner = &bus.inner;
        let concurrency = at_least_one(concurrency, inner.settings.call_concurrency)?;
        let reservation = inner.registry.reserve(ConsumerKind::Api, api, &inner.runtime)?;
        let methods = descriptor.methods().iter().map(|method| method.name());
        let meters = inner.meters.group(RecordKind::CallServed, api, methods);
        let settings = ServerSettings {
            service: inner.service.clone(),
            concurrency,
            max_message_size: inner.settings.max_message_size,
            tasks: reservation.registered.tasks.clone(),
            meters: Some(meters),
            layers: inner.layers.and(&layers),
        };
        let sink = server(settings);
        // Registered first: a call that arrives at once may publish.
        inner.publisher.register(api);
        inner.caller.start_serving(api);
        let prefetch = prefetch.unwrap_or(concurrency).max(concurrency);
        inner.facts.publishes.add(descriptor);
        let _ = reservation.registered.setup.set(Setup::Api { api: descriptor, concurrency, prefetch });
        let consumer = inner.transport.serve(api, prefetch, sink).await?;
        let registered = reservation.fulfil(consumer);
        inner.facts.changes.notify();
        Ok(ConsumerHandle::new(bus.clone(), registered))
    }
}

impl Future for Serve {
    type Output = Result<ConsumerHandle, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.state.poll(cx, |settings| {
            let bus = settings.bus.clone();
            Box::pin(async move { bus.on_runtime(settings.serve()).await })
        })
    }
}

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.state.settings();
        f.debug_struct("Serve")
            .field("api", &settings.map(|settings| settings.api.name()))
            .field("concurrency", &settings.and_then(|settings| settings.concurrency))
            .finish_non_exhaustive()
    }
}
