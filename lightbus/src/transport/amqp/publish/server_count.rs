//! Counts the processes that serve an API.

use std::collections::HashMap;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::errors::OperationError;
use crate::transport::amqp::topology::declare;

/// The last known numbers of consumers, by queue.
///
/// Every call that times out asks for this number, and many time out at once. One query answers all that were waiting for it.
///
/// From 4.2.6 on, RabbitMQ requires a permission on a queue before it says how many consumers the queue has. Callers have none
/// on the queue of another service's API. A refused query costs a channel and a line in the broker's log, so each queue is
/// queried once in that case.
#[derive(Debug, Default)]
pub(crate) struct ServerCount {
    known: Mutex<HashMap<String, Count>>,
}

#[derive(Debug, Clone, Copy)]
enum Count {
    /// The number at that time. `None` if the broker did not say.
    At(Instant, Option<u32>),
    /// The broker does not let this user query the queue.
    Hidden,
}

impl ServerCount {
    /// Counts the consumers of a queue. Returns `None` if the broker does not say, for instance because it has blocked the
    /// connection.
    pub(crate) async fn count(&self, connection: &Connection, queue: &str) -> Option<u32> {
        let now = Instant::now();
        let mut known = self.known.lock().await;
        match known.get(queue) {
            Some(Count::Hidden) => None,
            Some(Count::At(asked, consumers)) if *asked >= now => *consumers,
            _ => {
                let asked = Instant::now();
                let found = declare::inspect(connection, queue).await;
                let hidden = found.as_ref().is_err_and(OperationError::is_access_refused);
                let consumers = found.ok().map(|queue| queue.map_or(0, |queue| queue.consumer_count()));
                known.insert(queue.to_owned(), if hidden { Count::Hidden } else { Count::At(asked, consumers) });
                consumers
            }
        }
    }
}
