//! The requests to an API of a bus in memory.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::queue::{Queue, Tag};
use crate::protocol::message::Request;
use crate::transport::RequestSink;
use crate::transport::pending_calls::PendingCalls;

/// A request, and the calls that its reply completes.
#[derive(Debug, Clone)]
pub(super) struct QueuedRequest {
    pub(super) request: Request,
    pub(super) calls: Arc<PendingCalls>,
}

#[derive(Debug)]
pub(super) struct ApiQueue {
    pub(super) queue: Queue<QueuedRequest, dyn RequestSink>,
    expiry: Duration,
    /// When the last consumer left, if there are none.
    pub(super) idle_since: Option<Instant>,
}

impl ApiQueue {
    pub(super) fn new(expiry: Duration) -> Self {
        Self { queue: Queue::default(), expiry, idle_since: None }
    }

    pub(super) fn has_expired(&self) -> bool {
        self.queue.consumers() == 0 && self.idle_since.is_some_and(|since| since.elapsed() >= self.expiry)
    }

    pub(super) fn requeue(&mut self, tag: Tag) -> Vec<Arc<dyn RequestSink>> {
        let removed = self.queue.abandon(tag).map(|(mut entry, removed)| {
            entry.redeliveries += 1;
            self.queue.push_front(entry);
            removed
        });
        self.note_consumers();
        removed.unwrap_or_default()
    }

    /// Starts the expiry of the queue if there are no consumers.
    pub(super) fn note_consumers(&mut self) {
        if self.queue.consumers() == 0 && self.idle_since.is_none() {
            self.idle_since = Some(Instant::now());
        }
    }
}
