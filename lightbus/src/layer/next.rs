//! The way of a message through the layers.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::DynLayer;
use super::message::Message;
use super::outcome::Outcome;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How much later than the deadline the end of the layers may say that it has passed.
const LATE: Duration = Duration::from_secs(5);

/// What a message comes to after all layers: it is sent, or its handler runs.
pub(crate) trait End: Sync {
    fn run<'a>(&'a self, message: &'a mut Message) -> BoxFuture<'a, Outcome>;
}

/// The layers that a message has yet to pass, and what is within them.
#[derive(Clone, Copy)]
#[must_use = "a message does not go on unless `run` is awaited"]
pub struct Next<'a> {
    layers: &'a [Arc<dyn DynLayer>],
    end: &'a dyn End,
}

impl<'a> Next<'a> {
    pub(super) fn new(layers: &'a [Arc<dyn DynLayer>], end: &'a dyn End) -> Self {
        Self { layers, end }
    }

    /// Hands the message on, and returns what comes of it. Each call of this is an attempt of its own.
    pub async fn run(&self, message: &mut Message) -> Outcome {
        match self.layers.split_first() {
            Some((layer, layers)) => layer.call(message, Next { layers, end: self.end }).await,
            None => self.end.run(message).await,
        }
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

/// Runs the layers until the deadline. The end of them keeps to it by itself, and says more about it.
pub(crate) async fn run_until(next: Next<'_>, message: &mut Message, deadline: Instant) -> Option<Outcome> {
    let end = Watched { end: next.end, running: AtomicBool::new(false) };
    let mut run = pin!(Next { layers: next.layers, end: &end }.run_owned(message));
    if let Ok(outcome) = timeout_at(deadline, &mut run).await {
        return Some(outcome);
    }
    if !end.running.load(Ordering::Relaxed) {
        return None;
    }
    timeout_at(deadline + LATE, run).await.ok()
}

impl Next<'_> {
    async fn run_owned(self, message: &mut Message) -> Outcome {
        self.run(message).await
    }
}

/// An end that tells whether it runs.
struct Watched<'a> {
    end: &'a dyn End,
    running: AtomicBool,
}

impl End for Watched<'_> {
    fn run<'a>(&'a self, message: &'a mut Message) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            self.running.store(true, Ordering::Relaxed);
            let outcome = self.end.run(message).await;
            self.running.store(false, Ordering::Relaxed);
            outcome
        })
    }
}
