//! Which quorum queues of calls are ready for requests.
//!
//! A channel finds the leader of a quorum queue when it first publishes to it. If the leader's node has just gone down,
//! RabbitMQ (3.10 at least) keeps asking that node for as long as the channel lives, and drops the messages without a word,
//! as calls have no confirms. So a session queries each queue before its first request to it. The broker asks the same
//! leader for the number of consumers, and reports none if it gets no answer. A request would not be served in that case
//! either, so no time is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

use crate::runtime::sync::lock;
use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::topology::declare;

/// How long to wait for consumers. Requests are sent without them after that.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait between two queries.
const PAUSE: Duration = Duration::from_millis(50);

/// The queues that are ready on one connection.
#[derive(Debug, Default)]
pub(crate) struct QueueReadiness {
    queues: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
}

impl QueueReadiness {
    pub(crate) fn contains(&self, queue: &str) -> bool {
        lock(&self.queues).get(queue).is_some_and(|ready| ready.initialized())
    }

    /// Returns once the queue has a consumer, or does not exist, or the time is over. However many tasks wait, one queries.
    pub(crate) async fn wait(&self, connection: &Connection, queue: &str) {
        let ready = Arc::clone(lock(&self.queues).entry(queue.to_owned()).or_default());
        ready.get_or_init(|| wait_for_consumers(connection, queue)).await;
    }
}

async fn wait_for_consumers(connection: &Connection, queue: &str) {
    let consumed = async {
        while let Ok(Some(found)) = declare::inspect(connection, queue).await {
            if found.consumer_count() > 0 {
                break;
            }
            sleep(PAUSE).await;
        }
    };
    // Requests may wait in the queue for their servers.
    let _ = timeout(CONSUMER_TIMEOUT, consumed).await;
}
