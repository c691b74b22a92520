//! What comes back to the calls of this process: their replies, and the requests that reached no queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use lapin::Consumer;
use lapin::options::BasicConsumeOptions;
use lapin::types::{FieldTable, ShortString};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::transport::CallOutcome;
use crate::transport::amqp::connection::wake_queue::WakingStream;
use crate::transport::amqp::errors::{OperationError, bounded, loss};
use crate::transport::amqp::message::properties::{REPLY_TO, short, to_reply};
use crate::transport::amqp::session::Session;

/// How often returned requests are looked for while a call waits.
const RETURN_TICK: Duration = Duration::from_millis(3);

/// Begins to receive. The broker refuses a request that names [`REPLY_TO`] before this is done.
pub(crate) async fn start(session: &Arc<Session>, tasks: &TaskTracker) -> Result<(), OperationError> {
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let tag = ShortString::default();
    let consumer = session.calls.basic_consume(short(REPLY_TO), tag, options, FieldTable::default());
    let deliveries = session.publishing.waking(bounded(consumer).await?);
    tasks.spawn(receive(Arc::clone(session), deliveries));
    tasks.spawn(collect_returns(Arc::clone(session)));
    Ok(())
}

async fn receive(session: Arc<Session>, mut deliveries: WakingStream<Consumer>) {
    let ended = session.while_alive(async {
        loop {
            match deliveries.next().await {
                Some(Ok(delivery)) => {
                    session.publishing.hear();
                    let (id, reply) = to_reply(&delivery.properties, Bytes::from(delivery.data));
                    session.pending.complete(id, CallOutcome::Reply(reply));
                }
                Some(Err(error)) => return loss(&error),
                None => return "the broker stopped sending replies".to_owned(),
            }
        }
    });
    if let Some(reason) = ended.await {
        session.fail(reason);
    }
}

/// Lapin keeps returned requests until it is asked for them, and it does not call. So it is asked every few milliseconds,
/// but only while a call waits: a call that is answered is not held up, and an idle process sleeps.
async fn collect_returns(session: Arc<Session>) {
    let collecting = async {
        loop {
            session.called.notified().await;
            while !session.pending.is_empty() {
                sleep(RETURN_TICK).await;
                // Without confirms there is nothing to wait for: it only hands over what it has.
                let Some(Ok(returned)) = session.calls.wait_for_confirms().now_or_never() else { continue };
                for message in returned {
                    if let Some(id) = message.properties.correlation_id() {
                        session.pending.complete(id.as_str(), CallOutcome::NoServer);
                    }
                }
            }
        }
    };
    session.while_alive(collecting).await;
}
