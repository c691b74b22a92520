//! Delays lapin's wakes until what they announce can be taken.
//!
//! Lapin wakes a consumer's task from its own thread, for each delivery, while it still holds the locks that the task needs.
//! So the task often runs at once only to wait for those locks, which costs both threads two context switches. Here the wakes
//! are delayed until lapin has handled everything that it has read or written, which
//! [the stream](crate::transport::amqp::connection::frame_reader) knows.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::{Stream, StreamExt};

use crate::runtime::sync::lock;

/// The delayed wakes of one connection.
#[derive(Debug, Default)]
pub(crate) struct WakeQueue {
    deferred: Mutex<Deferred>,
    /// How often lapin has written.
    writes: AtomicU64,
}

#[derive(Debug, Default)]
struct Deferred {
    active: bool,
    wakes: Vec<Arc<QueuedWake>>,
}

impl WakeQueue {
    /// Counts a write of lapin's.
    pub(crate) fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Returns a waker of that task that this queue may delay.
    pub(crate) fn waker(self: &Arc<Self>, task: &Waker) -> Waker {
        let wake = QueuedWake { wakes: Arc::clone(self), task: task.clone(), is_delayed: AtomicBool::new(false) };
        Arc::new(wake).into()
    }

    /// Starts delaying wakes.
    pub(crate) fn begin(&self) {
        lock(&self.deferred).active = true;
    }

    /// Performs the delayed wakes, and delays no further ones.
    pub(crate) fn end(&self) {
        let wakes = {
            let mut deferred = lock(&self.deferred);
            deferred.active = false;
            std::mem::take(&mut deferred.wakes)
        };
        for wake in wakes {
            wake.is_delayed.store(false, Ordering::SeqCst);
            wake.task.wake_by_ref();
        }
    }
}

/// Wakes a task, at once or later.
#[derive(Debug)]
struct QueuedWake {
    wakes: Arc<WakeQueue>,
    task: Waker,
    is_delayed: AtomicBool,
}

impl Wake for QueuedWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_delayed.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut deferred = lock(&self.wakes.deferred);
        if deferred.active {
            deferred.wakes.push(Arc::clone(self));
            return;
        }
        drop(deferred);
        self.is_delayed.store(false, Ordering::SeqCst);
        self.task.wake_by_ref();
    }
}

/// A stream that lapin's thread feeds. Its task is woken when the next item can be taken.
pub(crate) struct WakingStream<S> {
    stream: S,
    wakes: Arc<WakeQueue>,
    /// The task that waits, and what wakes it.
    waiting: Option<(Waker, Waker)>,
}

impl<S: Stream + Unpin> WakingStream<S> {
    pub(crate) fn new(stream: S, wakes: &Arc<WakeQueue>) -> Self {
        Self { stream, wakes: Arc::clone(wakes), waiting: None }
    }

    /// Returns the next item, or `None` if it has not arrived yet.
    pub(crate) async fn next_at_hand(&mut self) -> Option<Option<S::Item>> {
        poll_fn(|cx| match self.poll_next_unpin(cx) {
            Poll::Ready(next) => Poll::Ready(Some(next)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: Stream + Unpin> Stream for WakingStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Self { stream, wakes, waiting } = self.get_mut();
        let task = cx.waker();
        let (_, wake) = match waiting {
            Some(waiting) if waiting.0.will_wake(task) => waiting,
            _ => waiting.insert((task.clone(), wakes.waker(task))),
        };
        Pin::new(stream).poll_next(&mut Context::from_waker(wake))
    }
}
