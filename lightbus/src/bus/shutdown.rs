//! Shuts a bus down in order.

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::Bus;
use crate::duration::shown;
use crate::health::ConsumerKind;
use crate::runtime::handler_tasks::HandlerTasks;

impl Bus {
    /// Shuts the bus down: takes no more work, finishes what runs within the shutdown timeout, returns the rest to the broker,
    /// waits for the events that are being published, and closes the connection. Later calls and events of this process are
    /// refused.
    ///
    /// The shutdown goes on if this future is dropped; another call of `shutdown` waits for the same one. Inside a handler
    /// of this bus it only begins and returns at once, because it waits for that handler to finish.
    pub async fn shutdown(&self) {
        self.begin_shutdown();
        let inner = &self.inner;
        if !HandlerTasks::current().is_some_and(|current| current.run_on(&inner.runtime)) {
            inner.shut_down.wait().await;
        }
    }

    fn begin_shutdown(&self) {
        if self.inner.draining.set() {
            let done = self.inner.shut_down.set_on_drop();
            let bus = self.clone();
            // A task of its own: it ends even if whoever asked for it is gone.
            self.inner.runtime.spawn(async move {
                bus.shut_down().await;
                drop(done);
            });
        }
    }

    async fn shut_down(&self) {
        let inner = &self.inner;
        let timeout = inner.settings.shutdown_timeout;
        let deadline = Instant::now() + timeout;
        let consumers = inner.registry.close();
        for registered in &consumers {
            registered.stopping.set();
            if registered.kind == ConsumerKind::Api {
                inner.caller.stop_serving(&registered.name, &registered.ended);
            }
            registered.tasks.start_draining();
        }
        inner.transport.stop_consuming().await;
        for registered in &consumers {
            registered.ended.set();
        }
        let finished = join_all(consumers.iter().map(|registered| registered.tasks.finish(deadline))).await;
        if finished.contains(&false) {
            tracing::warn!(
                process = %inner.process,
                "handlers had not finished {} after the shutdown began and were aborted; their calls fail, their \
                 events are delivered again. Raise shutdown_timeout if they need longer",
                shown(timeout)
            );
        }
        inner.publisher.close();
        if timeout_at(deadline, inner.publisher.idle()).await.is_err() {
            tracing::warn!(
                process = %inner.process,
                "the broker had not confirmed every event {} after the shutdown began; their publishers are told \
                 that subscribers may or may not receive them",
                shown(timeout)
            );
        }
        inner.caller.close();
        inner.closed.set();
        inner.transport.close().await;
        for registered in &consumers {
            registered.stopped.set();
        }
    }
}
