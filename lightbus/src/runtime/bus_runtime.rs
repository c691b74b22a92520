//! The tokio runtime that a bus runs on.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

#[cfg(feature = "testing")]
use crate::runtime::causes::Causes;

/// The tokio runtime that a bus runs on: the one that `connect` was awaited on.
///
/// Operations of the bus may be awaited on any thread, inside or outside a runtime; their timers and tasks belong to this one.
pub(crate) struct BusRuntime {
    handle: Handle,
    ended: Arc<AtomicBool>,
    /// Counts the handlers on the bus of a test.
    #[cfg(feature = "testing")]
    pub(crate) causes: Option<Causes>,
    /// Ends the task that notices the runtime's end.
    _watch: DropGuard,
}

/// Sets its flag when it is dropped, unless it was disarmed.
struct SetOnDrop(Option<Arc<AtomicBool>>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        if let Some(flag) = &self.0 {
            flag.store(true, Ordering::SeqCst);
        }
    }
}

async fn watch(released: CancellationToken, mut guard: SetOnDrop) {
    released.cancelled().await;
    guard.0 = None;
}

impl BusRuntime {
    /// The runtime that this is called in. `None` outside a runtime.
    pub(crate) fn current() -> Option<Self> {
        let handle = Handle::try_current().ok()?;
        let (ended, released) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
        let guard = released.clone().drop_guard();
        // A runtime that ends drops its tasks, and with this one it sets the flag.
        handle.spawn(watch(released, SetOnDrop(Some(Arc::clone(&ended)))));
        Some(Self {
            handle,
            ended,
            #[cfg(feature = "testing")]
            causes: None,
            _watch: guard,
        })
    }

    /// Counts the handlers that run on it.
    #[cfg(feature = "testing")]
    pub(crate) fn counting(self, causes: Causes) -> Self {
        Self { causes: Some(causes), ..self }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Spawns a task. On a runtime that has ended, the task is dropped.
    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.handle.spawn(task)
    }

    /// Polls the future on the caller's thread, with the timers and tasks of this runtime. `None` once the runtime has ended.
    pub(crate) async fn run<F: Future>(&self, mut future: Pin<&mut F>) -> Option<F::Output> {
        poll_fn(|context| {
            if self.has_ended() {
                return Poll::Ready(None);
            }
            let _entered = self.handle.enter();
            future.as_mut().poll(context).map(Some)
        })
        .await
    }
}

impl fmt::Debug for BusRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusRuntime").field("id", &self.handle.id()).field("ended", &self.ended).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use lightbus_test_support::wait::block_on;
    use tokio::time::sleep;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    #[test]
    fn timers_work_on_a_thread_without_a_runtime() {
        assert!(BusRuntime::current().is_none());
        let runtime = runtime();
        let bus = runtime.block_on(async { BusRuntime::current().unwrap() });
        let slept = pin!(async { sleep(Duration::from_millis(1)).await });
        assert_eq!(block_on(bus.run(slept)), Some(()));
        drop(runtime);
        assert!(bus.has_ended());
        assert_eq!(block_on(bus.run(pin!(async {}))), None);
    }
}
