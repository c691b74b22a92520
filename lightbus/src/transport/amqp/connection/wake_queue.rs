//! Wakes whoever waits for deliveries and confirms when they can be taken.
//!
//! Lapin wakes a consumer's task from its own thread, for each delivery, while it still holds the locks that the task needs
//! to take it. So the task often runs at once only to wait for those locks, which costs both threads two changes of context
//! each, a good part of what a call costs. Here the wakes are put off until lapin has handled all that it has read or
//! written, which [the stream](crate::transport::amqp::connection::frame_reader) knows.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::{Stream, StreamExt};

use crate::runtime::sync::lock;

/// Puts off the wakes of one connection.
#[derive(Debug, Default)]
pub(crate) struct WakeQueue {
    deferred: Mutex<Deferred>,
}

#[derive(Debug, Default)]
struct Deferred {
    active: bool,
    wakes: Vec<Arc<QueuedWake>>,
}

impl WakeQueue {
    /// What wakes that task, when it can be woken.
    pub(crate) fn waker(self: &Arc<Self>, task: &Waker) -> Waker {
        let wake = QueuedWake { wakes: Arc::clone(self), task: task.clone(), is_put_off: AtomicBool::new(false) };
        Arc::new(wake).into()
    }

    /// From now on wakes are put off.
    pub(crate) fn begin(&self) {
        lock(&self.deferred).active = true;
    }

    /// Wakes all whose wakes were put off; further ones are not.
    pub(crate) fn end(&self) {
        let wakes = {
            let mut deferred = lock(&self.deferred);
            deferred.active = false;
            std::mem::take(&mut deferred.wakes)
        };
        for wake in wakes {
            wake.is_put_off.store(false, Ordering::SeqCst);
            wake.task.wake_by_ref();
        }
    }
}

/// Wakes a task, at once or later.
#[derive(Debug)]
struct QueuedWake {
    wakes: Arc<WakeQueue>,
    task: Waker,
    is_put_off: AtomicBool,
}

impl Wake for QueuedWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_put_off.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut deferred = lock(&self.wakes.deferred);
        if deferred.active {
            deferred.wakes.push(Arc::clone(self));
            return;
        }
        drop(deferred);
        self.is_put_off.store(false, Ordering::SeqCst);
        self.task.wake_by_ref();
    }
}

/// A stream of what lapin's thread brings about. Whoever waits for it is woken when it can be taken.
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

    /// What comes next, if it is here already.
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
