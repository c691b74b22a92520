//! Starts the subscriptions of a type with `#[lightbus::subscriber]`.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;

use super::{Bus, ConsumerHandle, Subscribe};
use crate::error::Error;
use crate::event::handler_table::{BoundHandler, EventHandler, read_undecoded};
use crate::event::recent_ids::RecentIds;
use crate::layer::{Layer, Layers};
use crate::protocol::name::Pattern;
use crate::runtime::lazy::Lazy;

/// Handlers that subscribe together: the argument of [`Bus::subscribe_all`].
///
/// [`#[lightbus::subscriber]`](macro@crate::subscriber) on `impl Desk` implements it for `DeskSubscriber`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not subscribe to events",
    label = "not a subscriber",
    note = "`#[lightbus::subscriber]` on `impl Desk` generates its subscriber: \
            `bus.subscribe_all(DeskSubscriber::new(desk))`"
)]
pub trait Subscriber {
    /// One subscription for each handler.
    #[doc(hidden)]
    fn subscribe(self, bus: &Bus) -> Vec<Subscribe>;
}

/// The subscriptions of a table of handlers, which run on this value. Generated code calls it.
pub fn subscribe_handlers<S: Send + Sync>(
    bus: &Bus,
    state: Arc<S>,
    handlers: &'static [EventHandler<S>],
) -> Vec<Subscribe> {
    handlers.iter().map(|handler| subscribe_handler(bus, Arc::clone(&state), handler)).collect()
}

fn subscribe_handler<S: Send + Sync>(bus: &Bus, state: Arc<S>, handler: &'static EventHandler<S>) -> Subscribe {
    let (name, pattern, settings) = (handler.subscription(), Pattern::new(&handler.event()), handler.settings());
    let bound = BoundHandler::new(state, handler);
    let mut subscribe = Subscribe::new(bus.clone(), name, pattern, read_undecoded, bound).of_api(handler.api());
    if let Some(retries) = settings.retries() {
        subscribe = subscribe.retries(retries);
    }
    if let Some(events) = settings.concurrency {
        subscribe = subscribe.concurrency(events);
    }
    if let Some(timeout) = settings.timeout {
        subscribe = subscribe.handler_timeout(timeout);
    }
    if let Some(ids) = settings.dedupe {
        subscribe = subscribe.dedupe(RecentIds::new(usize::try_from(ids).unwrap_or(usize::MAX)));
    }
    subscribe
}

/// The subscriptions of a subscriber, which are about to start. Awaiting this starts them. Returned by [`Bus::subscribe_all`].
///
/// If the future is dropped before it has ended, this process subscribes to nothing. The subscriptions may exist on the broker
/// by then, where events wait for the next process that subscribes.
#[must_use = "the subscriptions start once this is awaited"]
pub struct SubscribeAll {
    state: Lazy<Settings, Result<Vec<ConsumerHandle>, Error>>,
}

struct Settings {
    bus: Bus,
    subscriptions: Vec<Subscribe>,
    layers: Layers,
}

impl SubscribeAll {
    pub(super) fn new(bus: Bus, subscriptions: Vec<Subscribe>) -> Self {
        Self { state: Lazy::Settings(Settings { bus, subscriptions, layers: Layers::default() }) }
    }

    /// Adds a [layer](crate::layer) around each of the handlers, within those of the bus.
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.state.set(|settings| settings.layers.add(layer));
        self
    }
}

impl Settings {
    async fn subscribe(self) -> Result<Vec<ConsumerHandle>, Error> {
        let mut started = Started { bus: self.bus, handles: Vec::new() };
        let starting = self.subscriptions.into_iter().enumerate();
        let mut starting: FuturesUnordered<_> = starting
            .map(|(at, subscription)| {
                let subscription = subscription.layers(&self.layers);
                async move { subscription.await.map(|handle| (at, handle)) }
            })
            .collect();
        while let Some(result) = starting.next().await {
            match result {
                Ok(handle) => started.handles.push(handle),
                Err(error) => {
                    drop(starting);
                    started.stop().await;
                    return Err(error);
                }
            }
        }
        let mut handles = mem::take(&mut started.handles);
        handles.sort_by_key(|(at, _)| *at);
        Ok(handles.into_iter().map(|(_, handle)| handle).collect())
    }
}

/// The subscriptions that have started while others have not. Dropping it stops them.
struct Started {
    bus: Bus,
    handles: Vec<(usize, ConsumerHandle)>,
}

impl Started {
    async fn stop(&mut self) {
        join_all(self.handles.iter().map(|(_, handle)| handle.stop())).await;
        self.handles.clear();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        for (_, handle) in mem::take(&mut self.handles) {
            self.bus.inner.runtime.spawn(async move { handle.stop().await });
        }
    }
}

impl Future for SubscribeAll {
    type Output = Result<Vec<ConsumerHandle>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.state.poll(cx, |settings| Box::pin(settings.subscribe()))
    }
}

impl fmt::Debug for SubscribeAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subscriptions = self.state.settings().map(|settings| &settings.subscriptions);
        f.debug_tuple("SubscribeAll").field(&subscriptions).finish()
    }
}
