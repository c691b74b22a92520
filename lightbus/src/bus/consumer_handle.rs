//! Stops one consumer of a process.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::Bus;
use super::registry::RegisteredConsumer;
use crate::duration::shown;
use crate::health::ConsumerKind;
use crate::runtime::handler_tasks::HandlerTasks;

/// An API that this process serves, or a subscription. Returned by [`Bus::serve`] and [`Bus::subscribe`].
///
/// Dropping the handle changes nothing. [`stop`](Self::stop) ends this consumer alone.
///
/// ```
/// # use lightbus::prelude::*;
/// # #[lightbus::api(name = "company.sales")]
/// # trait Sales { #[event] fn product_sold(serial: String); }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> lightbus::Result<()> {
/// # let bus = Bus::service("warranty").url("memory://").connect().await?;
/// let covers = bus.subscribe("start-cover", |sold: ProductSold| async move { println!("{}", sold.serial) }).await?;
/// // …
/// covers.stop().await;
/// # bus.shutdown().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ConsumerHandle {
    bus: Bus,
    registered: Arc<RegisteredConsumer>,
}

impl ConsumerHandle {
    pub(super) fn new(bus: Bus, registered: Arc<RegisteredConsumer>) -> Self {
        Self { bus, registered }
    }

    /// Whether this is an API or a subscription.
    #[must_use]
    pub fn kind(&self) -> ConsumerKind {
        self.registered.kind
    }

    /// The name of the API or of the subscription.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.registered.name
    }

    /// Takes no more calls or events for this consumer, finishes what runs within the shutdown timeout, and returns the rest
    /// to the broker, for the other processes of the service. The rest of this process goes on.
    ///
    /// Afterwards the API can be served, or the subscription subscribed to, again. What happens to a subscription on the
    /// broker is the same as after a shutdown, and events wait in it.
    ///
    /// The stop goes on if this future is dropped. Inside a handler of the consumer itself it returns at once, and the handler
    /// is finished like any other.
    pub async fn stop(&self) {
        let Self { bus, registered } = self;
        if registered.stopping.set() {
            let stopped = registered.stopped.set_on_drop();
            let (bus, registered) = (bus.clone(), Arc::clone(registered));
            self.bus.inner.runtime.spawn(async move {
                bus.stop_consumer(&registered).await;
                drop(stopped);
            });
        }
        if !HandlerTasks::current().is_some_and(|current| current.is_same(&registered.tasks)) {
            registered.stopped.wait().await;
        }
    }
}

impl Bus {
    async fn stop_consumer(&self, registered: &Arc<RegisteredConsumer>) {
        let inner = &self.inner;
        let timeout = inner.settings.shutdown_timeout;
        let deadline = Instant::now() + timeout;
        if registered.kind == ConsumerKind::Api {
            inner.caller.stop_serving(&registered.name, &registered.ended);
        }
        registered.tasks.start_draining();
        if let Some(consumer) = registered.consumer() {
            consumer.stop().await;
        }
        registered.ended.set();
        if !registered.tasks.finish(deadline).await {
            let name = &registered.name;
            tracing::warn!(
                process = %inner.process,
                "handlers of {name} had not finished {} after it was stopped and were aborted; their calls fail, \
                 their events are delivered again. Raise shutdown_timeout if they need longer",
                shown(timeout)
            );
        }
        inner.registry.remove(registered);
    }
}

impl fmt::Debug for ConsumerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerHandle").field("kind", &self.kind()).field("name", &self.name()).finish_non_exhaustive()
    }
}
