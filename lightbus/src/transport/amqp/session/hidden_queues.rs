//! Which queues the broker does not let this user look at.
//!
//! From 4.2.6 on, RabbitMQ asks for a permission on a queue before it says how many consumers the queue has. Callers have none
//! on the queue of an API that another service owns. A refused look costs a channel and a line in the broker's log, so each
//! session asks once for each queue.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::runtime::sync::lock;

/// The queues that the broker did not let this session look at.
#[derive(Debug, Default)]
pub(crate) struct HiddenQueues(Mutex<HashSet<String>>);

impl HiddenQueues {
    pub(crate) fn contains(&self, queue: &str) -> bool {
        lock(&self.0).contains(queue)
    }

    pub(crate) fn add(&self, queue: &str) {
        lock(&self.0).insert(queue.to_owned());
    }
}
