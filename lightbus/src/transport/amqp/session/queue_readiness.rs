//! Which quorum queues of calls are known to take requests.
//!
//! A channel finds the leader of a quorum queue when it publishes to it for the first time. If that leader's node has just
//! gone down, RabbitMQ (3.10 at least) goes on asking that node for as long as the channel lives, and drops what is
//! published; without confirms, nobody is told. So a session looks before its first request to each queue. The broker asks
//! the same leader how many consumers there are, and when it gets no answer it says that there are none. Nobody would take
//! the request in that case either, so no time is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

use crate::runtime::sync::lock;
use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::topology::declare;

/// How long to wait for consumers. Requests may also be sent ahead of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// The queues that one session has reached.
#[derive(Debug, Default)]
pub(crate) struct QueueReadiness {
    queues: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
}

impl QueueReadiness {
    pub(crate) fn contains(&self, queue: &str) -> bool {
        lock(&self.queues).get(queue).is_some_and(|reached| reached.initialized())
    }

    /// Returns when somebody consumes the queue, or it does not exist, or it has taken too long. However many ask, one looks.
    pub(crate) async fn wait(&self, connection: &Connection, queue: &str) {
        let reached = Arc::clone(lock(&self.queues).entry(queue.to_owned()).or_default());
        reached.get_or_init(|| wait_for_consumers(connection, queue)).await;
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
    // Requests may wait for their servers: after a while they are sent all the same.
    let _ = timeout(PATIENCE, consumed).await;
}
