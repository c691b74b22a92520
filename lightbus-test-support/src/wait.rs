//! Waiting for a condition, with a limit.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{Thread, current, park};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

/// How long a test waits for something that has to happen. It is far longer than anything takes, so it never decides the
/// result of a test that would pass.
pub const GUARD: Duration = Duration::from_secs(60);

/// How often [`eventually`] checks its condition.
const INTERVAL: Duration = Duration::from_millis(10);

/// Awaits a future. The test fails if that takes longer than [`GUARD`].
pub async fn guarded<F: Future>(future: F) -> F::Output {
    timeout(GUARD, future).await.expect("it never happened")
}

/// Receives the next value. The test fails if none arrives within [`GUARD`].
pub async fn next<T>(receiver: &mut mpsc::UnboundedReceiver<T>) -> T {
    guarded(receiver.recv()).await.expect("the sender is gone")
}

/// Returns all values that have arrived, without waiting.
pub fn waiting<T>(receiver: &mut mpsc::UnboundedReceiver<T>) -> Vec<T> {
    std::iter::from_fn(|| receiver.try_recv().ok()).collect()
}

/// Checks a condition until it holds. The test fails with `what` if it does not hold within [`GUARD`].
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    eventually_async(what, || std::future::ready(condition())).await;
}

/// Checks a condition that has to be awaited, as [`eventually`] does.
pub async fn eventually_async<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let mut ticks = interval(INTERVAL);
    let holds = async {
        while !condition().await {
            ticks.tick().await;
        }
    };
    timeout(GUARD, holds).await.unwrap_or_else(|_| panic!("it never happened that {what}"));
}

/// Polls a future `polls` times, whenever it is woken, and then drops it. Returns its output if it ends earlier.
pub async fn dropped_after<F: IntoFuture>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Some(Box::pin(future.into_future()));
    let mut left = polls;
    let outcome = poll_fn(move |context| {
        let Some(running) = future.as_mut() else { return Poll::Ready(None) };
        if left == 0 {
            future = None;
            return Poll::Ready(None);
        }
        left -= 1;
        match running.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                if left == 0 {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    });
    guarded(outcome).await
}

/// Runs a future on this thread, without a tokio runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => park(),
        }
    }
}
