//! Takes the questions for a process, and answers them.
//!
//! Each connection has a queue of its own. The broker refuses to consume it to a user without permission, and closes the
//! channel. So everything that needs a permission is tried first on a channel that nothing depends on. The queue is then
//! consumed on the channel of replies: a further channel for each process would cost more than the few questions.

use std::fmt;
use std::iter::repeat_with;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicGetOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use tokio::time::{Instant, sleep};

use crate::protocol::message::{Payload, Reply};
use crate::transport::amqp::backoff::Backoff;
use crate::transport::amqp::connection::availability::{Availability, SessionPart};
use crate::transport::amqp::connection::wake_queue::WakingStream;
use crate::transport::amqp::control::with_process;
use crate::transport::amqp::errors::{OperationError, bounded};
use crate::transport::amqp::message::properties::{deadline, of_reply, short, to_request};
use crate::transport::amqp::publish::PublishSide;
use crate::transport::amqp::publish::replies::OutgoingReply;
use crate::transport::amqp::session::supervisor::Shared;
use crate::transport::amqp::topology::declare;
use crate::transport::control::{QUESTIONS_AT_ONCE, Respondent};
use crate::transport::{RequestDelivery, RequestHandle, RequestSink};

/// Answers questions on one connection after the other, until the transport is closed.
pub(crate) async fn run(shared: Arc<Shared>, respondent: Respondent, sink: Arc<dyn RequestSink>) {
    let mut sides = shared.ready.subscribe();
    let (mut backoff, mut told) = (Backoff::new(), false);
    while let Some(side) = Availability::next(&mut sides).await {
        let refusal = match side.lifeline().while_alive(respond(&side, &respondent, &sink)).await {
            None | Some(Ok(())) => None,
            Some(Err(refusal)) => Some(refusal),
        };
        if let Some(refusal) = refusal {
            if !std::mem::replace(&mut told, true) {
                tracing::info!(
                    "other processes cannot ask this one about itself, because {}. Everything else works; \
                     docs/operations.md lists the permissions for it",
                    refusal.reason()
                );
            }
            if refusal.is_access_refused() {
                // Permissions rarely change while a process is connected.
                side.lifeline().lost().await;
                continue;
            }
        }
        side.lifeline().while_alive(sleep(backoff.delay())).await;
    }
}

/// Answers questions until the queue is gone.
async fn respond(
    side: &Arc<PublishSide>,
    respondent: &Respondent,
    sink: &Arc<dyn RequestSink>,
) -> Result<(), OperationError> {
    let queue = declare_queue(side, respondent).await?;
    let mut deliveries = consume(side, &queue).await?;
    let under_way = Arc::new(AtomicUsize::new(0));
    while let Some(Ok(delivery)) = deliveries.next().await {
        side.connection.hear();
        if let Some(place) = Place::take(&under_way) {
            sink.deliver(question(side, respondent, delivery, place));
        }
    }
    Ok(())
}

async fn declare_queue(side: &PublishSide, respondent: &Respondent) -> Result<String, OperationError> {
    let (connection, topology) = (&side.connection, &side.topology);
    declare::control_exchange(connection, topology).await?;
    let random: String = repeat_with(fastrand::alphanumeric).take(12).collect();
    let queue = topology.control_queue(&respondent.service, &random);
    declare::control_queue(connection, topology, &queue).await?;
    let name = short(&*queue);
    // Nothing is in it yet. The broker asks for the same permission as for consuming it.
    let get = |channel: Channel| async move {
        bounded(channel.basic_get(name, BasicGetOptions { no_ack: true })).await.map(drop)
    };
    connection.perform(get).await?;
    for audience in respondent.audiences() {
        declare::bind_control_queue(connection, topology, &queue, &audience.key()).await?;
    }
    Ok(queue)
}

async fn consume(side: &PublishSide, queue: &str) -> Result<WakingStream<Consumer>, OperationError> {
    let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
    let channel = side.replies.channel();
    let consumer = channel.basic_consume(short(queue), ShortString::default(), options, FieldTable::default());
    Ok(side.connection.waking(bounded(consumer).await?))
}

fn question(side: &Arc<PublishSide>, respondent: &Respondent, delivery: Delivery, place: Place) -> RequestDelivery {
    let now = Instant::now();
    let Delivery { properties, data, .. } = delivery;
    let request = to_request(respondent.api, &properties, Bytes::from(data), now);
    let handle = QuestionHandle {
        side: Arc::clone(side),
        process: respondent.process.to_string(),
        reply_to: properties.reply_to().clone(),
        correlation_id: properties.correlation_id().clone(),
        deadline: deadline(&properties, now),
        _place: place,
    };
    RequestDelivery { request, redelivered: false, handle: Box::new(handle) }
}

/// Counts a question until it is answered.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(under_way: &Arc<AtomicUsize>) -> Option<Self> {
        let before = under_way.fetch_add(1, Ordering::Relaxed);
        let place = Self(Arc::clone(under_way));
        (before < QUESTIONS_AT_ONCE).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers one question. There is nothing to settle: the broker has forgotten it.
struct QuestionHandle {
    side: Arc<PublishSide>,
    process: String,
    reply_to: Option<ShortString>,
    correlation_id: Option<ShortString>,
    deadline: Option<Instant>,
    _place: Place,
}

#[async_trait]
impl RequestHandle for QuestionHandle {
    fn is_current(&self) -> bool {
        !self.side.lifeline().is_lost()
    }

    fn accept(self: Box<Self>) {}

    fn reply(self: Box<Self>, reply: Reply) {
        let Some(to) = self.reply_to.clone() else { return };
        let properties = with_process(of_reply(&reply, self.correlation_id.clone()), &self.process);
        self.side.replies.send(OutgoingReply { to, properties, body: reply.payload.bytes, deadline: self.deadline });
    }

    async fn reply_then_accept(self: Box<Self>, reply: Reply) {
        self.reply(reply);
    }

    fn requeue(self: Box<Self>, _: Payload) {}
}

impl fmt::Debug for QuestionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuestionHandle").field("reply_to", &self.reply_to).finish_non_exhaustive()
    }
}
