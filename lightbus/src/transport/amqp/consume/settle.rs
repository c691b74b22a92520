//! Settles deliveries.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::error::Error;
use crate::protocol::failure::FailureRecord;
use crate::protocol::message::{Payload, Reply};
use crate::runtime::sync::lock;
use crate::transport::amqp::connection::availability::SessionPart;
use crate::transport::amqp::consume::acks::{Ack, Acks, Due, Tag};
use crate::transport::amqp::consume::binding::Binding;
use crate::transport::amqp::consume::connection::{ConsumeConnection, ConsumeSide, ConsumerChannel};
use crate::transport::amqp::errors::OPERATION_TIMEOUT;
use crate::transport::amqp::message::failed::{attempt, named, of_failed_event};
use crate::transport::amqp::message::properties::{
    deadline, of_reply, of_returned_request, short, to_event, to_request,
};
use crate::transport::amqp::publish::replies::OutgoingReply;
use crate::transport::amqp::publish::transfer;
use crate::transport::amqp::topology::declare::DeclareError;
use crate::transport::{EventDelivery, EventHandle, RequestDelivery, RequestHandle};

/// How long an event that could not be moved is held before it is requeued.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The channel that a queue is consumed on.
pub(crate) struct ConsumeChannel {
    pub(super) side: Arc<ConsumeSide>,
    pub(super) connection: Arc<ConsumeConnection>,
    pub(super) channel: ConsumerChannel,
    pub(super) queue: String,
    /// The frames that settle are sent under this lock, or they could overtake each other.
    pub(super) acks: Mutex<Acks>,
}

impl ConsumeChannel {
    /// Whether the broker still takes acknowledgements, as far as is known.
    fn is_open(&self) -> bool {
        !self.side.lifeline().is_lost() && self.channel.status().connected()
    }

    /// Acknowledges a message, perhaps a little later together with others.
    fn ack_together(self: &Arc<Self>, tag: Tag) {
        let mut acks = lock(&self.acks);
        match acks.due(tag) {
            Due::Now => {
                self.send(acks.take());
            }
            Due::Soon => drop(tokio::spawn(Arc::clone(self).ack_soon())),
            Due::Promised => {}
        }
    }

    /// Makes acknowledgements wait for [`ack_soon`](Self::ack_soon) from now on.
    pub(crate) fn promise_acks(&self) {
        lock(&self.acks).promise();
    }

    /// Sends the acknowledgements that are due, once the tasks that are ready have run.
    pub(crate) async fn ack_soon(self: Arc<Self>) {
        yield_now().await;
        let mut acks = lock(&self.acks);
        self.send(acks.take_soon());
    }

    /// The first poll queues the frames. The rest of the future waits until they are written.
    fn send(&self, acks: Vec<Ack>) {
        for Ack { tag, multiple } in acks {
            let _ = self.channel.basic_ack(tag, BasicAckOptions { multiple }).now_or_never();
        }
    }

    /// Acknowledges a message at once. Returns `false` if the channel is gone, and the message with it.
    fn ack_alone(&self, tag: Tag) -> bool {
        let mut acks = lock(&self.acks);
        acks.settled(tag);
        let acked = self.channel.basic_ack(tag, BasicAckOptions::default()).now_or_never();
        !self.side.lifeline().is_lost() && !matches!(acked, Some(Err(_)))
    }

    /// Requeues a message. If the channel is gone, the broker has done that already.
    fn nack(&self, tag: Tag) {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        let mut acks = lock(&self.acks);
        acks.settled(tag);
        let _ = self.channel.basic_nack(tag, options).now_or_never();
    }

    /// Puts a copy of a message on the queue.
    fn requeue(&self, properties: BasicProperties, body: &Bytes) {
        if let Err(reason) = self.connection.requeue(short(&*self.queue), properties, body) {
            self.side.lifeline().fail(reason);
        }
    }
}

impl fmt::Debug for ConsumeChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumeChannel").field("queue", &self.queue).field("side", &self.side).finish_non_exhaustive()
    }
}

/// A delivery that is requeued unless it is settled.
struct DeliveryGuard {
    source: Arc<ConsumeChannel>,
    tag: Tag,
    properties: BasicProperties,
    arrived: Instant,
    settled: bool,
}

impl DeliveryGuard {
    /// Splits a delivery into its guard and its body.
    fn new(source: &Arc<ConsumeChannel>, delivery: Delivery) -> (Self, Bytes) {
        let Delivery { delivery_tag: tag, properties, data, .. } = delivery;
        lock(&source.acks).delivered(tag);
        let (source, arrived) = (Arc::clone(source), Instant::now());
        (Self { source, tag, properties, arrived, settled: false }, Bytes::from(data))
    }

    /// Returns the reply as it goes out, or `None` if the caller wants none.
    fn outgoing(&self, reply: &Reply) -> Option<OutgoingReply> {
        Some(OutgoingReply {
            to: self.properties.reply_to().clone()?,
            properties: of_reply(reply, self.properties.correlation_id().clone()),
            body: reply.payload.bytes.clone(),
            deadline: deadline(&self.properties, self.arrived),
        })
    }

    fn ack_together(&mut self) {
        if !std::mem::replace(&mut self.settled, true) {
            self.source.ack_together(self.tag);
        }
    }
}

impl Drop for DeliveryGuard {
    fn drop(&mut self) {
        if !self.settled {
            self.source.nack(self.tag);
        }
    }
}

impl fmt::Debug for DeliveryGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryGuard")
            .field("source", &self.source)
            .field("tag", &self.tag)
            .field("settled", &self.settled)
            .finish_non_exhaustive()
    }
}

/// Prepares a request for its sink.
pub(crate) fn request(source: &Arc<ConsumeChannel>, api: &'static str, delivery: Delivery) -> RequestDelivery {
    let redelivered = delivery.redelivered;
    let (unsettled, body) = DeliveryGuard::new(source, delivery);
    let request = to_request(api, &unsettled.properties, body, unsettled.arrived);
    RequestDelivery { request, redelivered, handle: Box::new(AmqpRequestHandle(unsettled)) }
}

/// Prepares an event for its sink.
pub(crate) fn event(source: &Arc<ConsumeChannel>, binding: &Arc<Binding>, mut delivery: Delivery) -> EventDelivery {
    delivery.properties = named(delivery.routing_key.as_str(), delivery.properties);
    let (unsettled, body) = DeliveryGuard::new(source, delivery);
    let event = to_event(&unsettled.properties, body.clone());
    let (attempt, first_failed_at) = attempt(&unsettled.properties);
    let handle = AmqpEventHandle { unsettled, body, binding: Arc::clone(binding) };
    EventDelivery { event, attempt, first_failed_at, handle: Box::new(handle) }
}

#[derive(Debug)]
struct AmqpRequestHandle(DeliveryGuard);

#[async_trait]
impl RequestHandle for AmqpRequestHandle {
    fn is_current(&self) -> bool {
        self.0.source.is_open()
    }

    fn accept(mut self: Box<Self>) {
        self.0.ack_together();
    }

    fn reply(mut self: Box<Self>, reply: Reply) {
        let Self(request) = &mut *self;
        if let Some(reply) = request.outgoing(&reply) {
            request.source.side.publish.replies.send(reply);
        }
        request.ack_together();
    }

    async fn reply_then_accept(mut self: Box<Self>, reply: Reply) {
        let Self(request) = &mut *self;
        let written = match request.outgoing(&reply) {
            Some(reply) => request.source.side.publish.replies.write(reply).await,
            None => true,
        };
        // The acknowledgement takes another connection, and must not overtake the reply.
        if written {
            request.ack_together();
        }
    }

    /// Acknowledges the request and puts a fresh copy on the queue, in that order, on one connection. If the connection breaks
    /// in between, the request is lost, but it does not run twice.
    fn requeue(mut self: Box<Self>, payload: Payload) {
        let Self(request) = &mut *self;
        if !std::mem::replace(&mut request.settled, true) && !request.source.ack_alone(request.tag) {
            return;
        }
        if let Some(properties) = of_returned_request(&request.properties, request.arrived.elapsed()) {
            request.source.requeue(properties, &payload.bytes);
        }
    }
}

#[derive(Debug)]
struct AmqpEventHandle {
    unsettled: DeliveryGuard,
    body: Bytes,
    binding: Arc<Binding>,
}

#[async_trait]
impl EventHandle for AmqpEventHandle {
    fn accept(mut self: Box<Self>) {
        self.unsettled.ack_together();
    }

    async fn retry(self: Box<Self>, delay: Duration, record: FailureRecord) -> Result<(), Error> {
        let destination = &self.binding.subscription().destination;
        let topology = self.unsettled.source.side.topology();
        let queue =
            if delay.is_zero() { topology.queue(destination) } else { topology.retry_queue(destination, delay) };
        self.move_to(&queue, &record).await
    }

    async fn dead_letter(self: Box<Self>, record: FailureRecord) -> Result<(), Error> {
        let destination = &self.binding.subscription().destination;
        let queue = self.unsettled.source.side.topology().dead_queue(destination);
        self.move_to(&queue, &record).await
    }
}

impl AmqpEventHandle {
    /// Acknowledges the event once the broker has persisted it in another queue.
    async fn move_to(mut self: Box<Self>, queue: &str, record: &FailureRecord) -> Result<(), Error> {
        let copied = timeout(OPERATION_TIMEOUT, self.copy_to(queue, record)).await;
        match copied.unwrap_or_else(|_| Err(transfer::not_confirmed(queue))) {
            Ok(()) => {
                self.unsettled.ack_together();
                Ok(())
            }
            Err(error) => {
                // Another attempt would fail at once, so the event is held for a while before it is requeued.
                let side = Arc::clone(&self.unsettled.source.side);
                side.lifeline().while_alive(sleep(PAUSE_AFTER_FAILURE)).await;
                Err(error)
            }
        }
    }

    async fn copy_to(&self, queue: &str, record: &FailureRecord) -> Result<(), Error> {
        let Self { unsettled: DeliveryGuard { source, properties, .. }, body, .. } = self;
        let side = &source.side;
        let properties = of_failed_event(properties, record);
        if side.publish.copy_to(queue, properties.clone(), body.clone()).await? {
            return Ok(());
        }
        // The queue was deleted.
        let declared = self.binding.declare(side, &source.connection.connection).await;
        declared.map_err(DeclareError::into_error)?;
        let copied = side.publish.copy_to(queue, properties, body.clone()).await?;
        if copied { Ok(()) } else { Err(transfer::no_such_queue(queue)) }
    }
}
