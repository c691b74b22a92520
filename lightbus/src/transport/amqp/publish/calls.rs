//! Makes calls: sends requests without confirms and waits for their outcomes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use tokio::sync::{Notify, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::protocol::message::Request;
use crate::transport::CallOutcome;
use crate::transport::amqp::connection::Connection;
use crate::transport::amqp::connection::availability::Availability;
use crate::transport::amqp::connection::lifeline::Lifeline;
use crate::transport::amqp::connection::wake_queue::WakingStream;
use crate::transport::amqp::errors::{OperationError, bounded, loss, reason};
use crate::transport::amqp::message::properties::{REPLY_TO, of_request, short, to_reply};
use crate::transport::amqp::publish::PublishSide;
use crate::transport::amqp::publish::flow::Flow;
use crate::transport::amqp::publish::queue_readiness::QueueReadiness;
use crate::transport::amqp::publish::server_count::ServerCount;
use crate::transport::amqp::topology::{Topology, default_exchange};
use crate::transport::pending_calls::PendingCalls;

/// How long it may take to find out how many processes serve an API.
const INSPECT_TIMEOUT: Duration = Duration::from_millis(500);

/// How often returned requests are collected while a call waits.
const RETURN_TICK: Duration = Duration::from_millis(3);

/// Sends a request on the connection that works, or on the next one, and waits for its outcome.
pub(crate) async fn call(
    ready: &watch::Sender<Availability<PublishSide>>,
    closing: &CancellationToken,
    mut request: Box<Request>,
    deadline: Instant,
) -> CallOutcome {
    loop {
        let side = match working_side(ready, closing, deadline).await {
            Ok(side) => side,
            Err(outcome) => return outcome,
        };
        match side.calls.exchange(request, deadline).await {
            Ok(outcome) => return outcome,
            // The connection is gone. Its supervisor needs a turn to replace it.
            Err(unsent) if Instant::now() < deadline => request = unsent,
            Err(_) => return CallOutcome::NotConnected,
        }
        yield_now().await;
    }
}

async fn working_side(
    ready: &watch::Sender<Availability<PublishSide>>,
    closing: &CancellationToken,
    deadline: Instant,
) -> Result<Arc<PublishSide>, CallOutcome> {
    if let Some(side) = ready.borrow().current() {
        return Ok(Arc::clone(side));
    }
    let mut ready = ready.subscribe();
    let working = Box::pin(closing.run_until_cancelled(Availability::next(&mut ready)));
    match timeout_at(deadline, working).await {
        Ok(Some(Some(side))) => Ok(side),
        Ok(_) => Err(CallOutcome::Closed),
        Err(_) => Err(CallOutcome::NotConnected),
    }
}

/// Counts the processes that serve an API. Returns `None` if the broker does not say.
pub(crate) async fn servers(ready: &watch::Sender<Availability<PublishSide>>, api: &str) -> Option<u32> {
    let side = ready.borrow().current().cloned()?;
    side.calls.shared.servers(&side.topology.rpc_queue(api)).await
}

/// Makes calls on one connection.
pub(crate) struct Calls {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Arc<Connection>,
    /// Requests leave here, and their replies arrive here.
    channel: Channel,
    topology: Arc<Topology>,
    flow: Arc<Flow>,
    /// The calls that wait for their outcomes.
    pending: PendingCalls,
    /// Notified by every call, for [`collect_returns`].
    called: Notify,
    readiness: QueueReadiness,
    servers: ServerCount,
    lifeline: Arc<Lifeline>,
}

impl Calls {
    pub(crate) fn new(
        connection: &Arc<Connection>,
        channel: Channel,
        topology: &Arc<Topology>,
        flow: &Arc<Flow>,
        lifeline: &Arc<Lifeline>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                connection: Arc::clone(connection),
                channel,
                topology: Arc::clone(topology),
                flow: Arc::clone(flow),
                pending: PendingCalls::default(),
                called: Notify::new(),
                readiness: QueueReadiness::default(),
                servers: ServerCount::default(),
                lifeline: Arc::clone(lifeline),
            }),
        }
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.shared.channel
    }

    /// Starts to receive replies. The broker refuses a request that names [`REPLY_TO`] before that.
    pub(crate) async fn receive_replies(&self, tasks: &TaskTracker) -> Result<(), OperationError> {
        let Self { shared } = self;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let tag = ShortString::default();
        let consumer = shared.channel.basic_consume(short(REPLY_TO), tag, options, FieldTable::default());
        let deliveries = shared.connection.waking(bounded(consumer).await?);
        tasks.spawn(receive(Arc::clone(shared), deliveries));
        tasks.spawn(collect_returns(Arc::clone(shared)));
        Ok(())
    }

    /// Counts the processes that consume a queue. Returns `None` if the broker does not say.
    pub(crate) async fn consumers(&self, queue: &str) -> Option<u32> {
        self.shared.servers(queue).await
    }

    /// Ends all calls that wait: the connection is lost.
    pub(crate) fn fail_all(&self) {
        self.shared.pending.fail_all();
    }

    /// Sends a request and waits for its outcome. Gives the request back if it could not leave on this connection.
    ///
    /// The steps that are rare are on the heap, because each pending call holds this future.
    async fn exchange(&self, request: Box<Request>, deadline: Instant) -> Result<CallOutcome, Box<Request>> {
        let Self { shared } = self;
        let queue = shared.topology.rpc_queue(&request.api);
        if shared.topology.has_quorum_rpc_queues() && !shared.readiness.contains(&queue) {
            let ready = Box::pin(shared.lifeline.while_alive(shared.readiness.wait(&shared.connection, &queue)));
            if timeout_at(deadline, ready).await.is_err() {
                return Ok(CallOutcome::DeadlineExceeded { servers: shared.servers(&queue).await });
            }
        }
        if !shared.flow.is_open() {
            match timeout_at(deadline, Box::pin(shared.lifeline.while_alive(shared.flow.pass()))).await {
                Ok(Some(())) => {}
                Ok(None) => return Err(request),
                Err(_) => return Ok(CallOutcome::NotConnected),
            }
        }
        let Some(mut pending) = shared.pending.register(request.id.clone()) else { return Err(request) };
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (body, properties) = (&request.payload.bytes, of_request(&request, Instant::now()));
        // lapin queues the frames at the first poll; the rest of the future waits until they are written.
        let sent = shared.channel.basic_publish(default_exchange(), short(&*queue), options, body, properties);
        if let Some(Err(error)) = sent.now_or_never() {
            Box::pin(shared.lifeline.fail_for_closed_channel(reason(&error))).await;
            drop(pending);
            return Err(request);
        }
        shared.flow.sent();
        shared.called.notify_one();
        match timeout_at(deadline, pending.outcome()).await {
            Ok(outcome) => Ok(outcome),
            Err(_) => Ok(CallOutcome::DeadlineExceeded { servers: shared.servers(&queue).await }),
        }
    }
}

impl Shared {
    /// Counts the processes that consume a queue of calls. Returns `None` if the broker does not say.
    async fn servers(&self, queue: &str) -> Option<u32> {
        timeout(INSPECT_TIMEOUT, Box::pin(self.servers.count(&self.connection, queue))).await.ok()?
    }
}

async fn receive(shared: Arc<Shared>, mut deliveries: WakingStream<Consumer>) {
    let ended = shared.lifeline.while_alive(async {
        loop {
            match deliveries.next().await {
                Some(Ok(delivery)) => {
                    shared.connection.hear();
                    let (id, reply) = to_reply(&delivery.properties, Bytes::from(delivery.data));
                    shared.pending.complete(id, CallOutcome::Reply(reply));
                }
                Some(Err(error)) => return loss(&error),
                None => return "the broker stopped sending replies".to_owned(),
            }
        }
    });
    if let Some(reason) = ended.await {
        shared.lifeline.fail(reason);
    }
}

/// Completes the calls whose requests were returned. Lapin keeps returned requests until it is asked for them, so it is asked
/// every few milliseconds, but only while a call waits.
async fn collect_returns(shared: Arc<Shared>) {
    let collecting = async {
        loop {
            shared.called.notified().await;
            while !shared.pending.is_empty() {
                sleep(RETURN_TICK).await;
                // Without confirms there is nothing to wait for: lapin only hands over what it has.
                let Some(Ok(returned)) = shared.channel.wait_for_confirms().now_or_never() else { continue };
                for message in returned {
                    if let Some(id) = message.properties.correlation_id() {
                        shared.pending.complete(id.as_str(), CallOutcome::NoServer);
                    }
                }
            }
        }
    };
    shared.lifeline.while_alive(collecting).await;
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("pending", &self.shared.pending).finish_non_exhaustive()
    }
}
