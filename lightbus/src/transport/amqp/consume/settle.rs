//! Settles what was delivered.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::error::Error;
use crate::protocol::failure::FailureRecord;
use crate::protocol::message::{Payload, Reply};
use crate::runtime::sync::lock;
use crate::transport::amqp::consume::acks::{Ack, Acks, Due, Tag};
use crate::transport::amqp::errors::OPERATION_TIMEOUT;
use crate::transport::amqp::message::failed::{attempt, named, of_failed_event};
use crate::transport::amqp::message::properties::{of_reply, of_returned_request, short, to_event, to_request};
use crate::transport::amqp::publish::copy;
use crate::transport::amqp::session::Session;
use crate::transport::amqp::session::consuming::ConsumeConnection;
use crate::transport::amqp::topology::declare;
use crate::transport::{EventDelivery, EventHandle, RequestDelivery, RequestHandle, Subscription};

/// How long an event that could not be moved is held before it is handed out again.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The channel that a queue is consumed on.
pub(crate) struct ConsumeChannel {
    pub(crate) session: Arc<Session>,
    pub(crate) consuming: Arc<ConsumeConnection>,
    pub(crate) channel: Channel,
    pub(crate) queue: String,
    /// The frames that settle leave while it is locked, or they could overtake each other.
    pub(crate) acks: Mutex<Acks>,
}

impl ConsumeChannel {
    /// Whether what is settled now reaches the broker, as far as that is known.
    fn is_open(&self) -> bool {
        !self.session.is_lost() && self.channel.status().connected()
    }

    /// Takes a message off the queue, perhaps a little later together with others.
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

    /// What can be acknowledged from now on waits for [`ack_soon`](Self::ack_soon).
    pub(crate) fn promise_acks(&self) {
        lock(&self.acks).promise();
    }

    /// Acknowledges what can be, once what can run now has run.
    pub(crate) async fn ack_soon(self: Arc<Self>) {
        yield_now().await;
        let mut acks = lock(&self.acks);
        self.send(acks.take_soon());
    }

    /// The frames are queued at the first poll; what remains is to wait until they are written.
    fn send(&self, acks: Vec<Ack>) {
        for Ack { tag, multiple } in acks {
            let _ = self.channel.basic_ack(tag, BasicAckOptions { multiple }).now_or_never();
        }
    }

    /// Takes a message off the queue at once. `false` when the channel is gone, and the message with it.
    fn ack_alone(&self, tag: Tag) -> bool {
        let mut acks = lock(&self.acks);
        acks.settled(tag);
        let acked = self.channel.basic_ack(tag, BasicAckOptions::default()).now_or_never();
        !self.session.is_lost() && !matches!(acked, Some(Err(_)))
    }

    /// Puts a message back. When the channel is gone, the broker has done so already.
    fn nack(&self, tag: Tag) {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        let mut acks = lock(&self.acks);
        acks.settled(tag);
        let _ = self.channel.basic_nack(tag, options).now_or_never();
    }

    /// Puts a copy of a message on the queue.
    fn requeue(&self, properties: BasicProperties, body: &Bytes) {
        if let Err(reason) = self.consuming.requeue(short(&*self.queue), properties, body) {
            self.session.fail(reason);
        }
    }
}

impl fmt::Debug for ConsumeChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumeChannel")
            .field("queue", &self.queue)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// A delivery that is put back unless it is settled.
struct DeliveryGuard {
    source: Arc<ConsumeChannel>,
    tag: Tag,
    properties: BasicProperties,
    arrived: Instant,
    settled: bool,
}

impl DeliveryGuard {
    /// Takes a delivery apart into what settles it and its body.
    fn new(source: &Arc<ConsumeChannel>, delivery: Delivery) -> (Self, Bytes) {
        let Delivery { delivery_tag: tag, properties, data, .. } = delivery;
        lock(&source.acks).delivered(tag);
        let (source, arrived) = (Arc::clone(source), Instant::now());
        (Self { source, tag, properties, arrived, settled: false }, Bytes::from(data))
    }

    /// Where the reply goes, and as what. `None` when nobody wants one.
    fn reply_properties(&self, reply: &Reply) -> Option<(ShortString, BasicProperties)> {
        let to = self.properties.reply_to().clone()?;
        Some((to, of_reply(reply, self.properties.correlation_id().clone())))
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

/// A request as it goes to the sink.
pub(crate) fn request(source: &Arc<ConsumeChannel>, api: &'static str, delivery: Delivery) -> RequestDelivery {
    let redelivered = delivery.redelivered;
    let (unsettled, body) = DeliveryGuard::new(source, delivery);
    let request = to_request(api, &unsettled.properties, body, unsettled.arrived);
    RequestDelivery { request, redelivered, handle: Box::new(AmqpRequestHandle(unsettled)) }
}

/// An event as it goes to the sink.
pub(crate) fn event(
    source: &Arc<ConsumeChannel>,
    subscription: &Arc<Subscription>,
    mut delivery: Delivery,
) -> EventDelivery {
    delivery.properties = named(delivery.routing_key.as_str(), delivery.properties);
    let (unsettled, body) = DeliveryGuard::new(source, delivery);
    let event = to_event(&unsettled.properties, body.clone());
    let (attempt, first_failed_at) = attempt(&unsettled.properties);
    let handle = AmqpEventHandle { unsettled, body, subscription: Arc::clone(subscription) };
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
        if let Some((to, properties)) = request.reply_properties(&reply) {
            request.source.session.reply(to, properties, &reply.payload.bytes);
        }
        request.ack_together();
    }

    async fn reply_then_accept(mut self: Box<Self>, reply: Reply) {
        let Self(request) = &mut *self;
        let written = match request.reply_properties(&reply) {
            Some((to, properties)) => request.source.session.write_reply(to, properties, &reply.payload.bytes).await,
            None => true,
        };
        // Two connections keep no order between them: an acknowledgement must not overtake its answer.
        if written {
            request.ack_together();
        }
    }

    /// Takes the request off the queue and puts a fresh copy on it. In that order, on one connection: if it breaks in
    /// between, the request is lost, and not run twice.
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
    subscription: Arc<Subscription>,
}

#[async_trait]
impl EventHandle for AmqpEventHandle {
    fn accept(mut self: Box<Self>) {
        self.unsettled.ack_together();
    }

    async fn retry(self: Box<Self>, delay: Duration, story: FailureRecord) -> Result<(), Error> {
        let Subscription { service, name, .. } = &*self.subscription;
        let topology = &self.unsettled.source.session.plan.topology;
        let queue = if delay.is_zero() {
            topology.subscription_queue(service, name)
        } else {
            topology.retry_queue(service, name, delay)
        };
        self.move_to(&queue, &story).await
    }

    async fn dead_letter(self: Box<Self>, story: FailureRecord) -> Result<(), Error> {
        let Subscription { service, name, .. } = &*self.subscription;
        let queue = self.unsettled.source.session.plan.topology.dead_queue(service, name);
        self.move_to(&queue, &story).await
    }
}

impl AmqpEventHandle {
    /// Takes the event off its queue once it is safe in the other.
    async fn move_to(mut self: Box<Self>, queue: &str, story: &FailureRecord) -> Result<(), Error> {
        let copied = timeout(OPERATION_TIMEOUT, self.copy_to(queue, story)).await;
        match copied.unwrap_or_else(|_| Err(copy::silent(queue))) {
            Ok(()) => {
                self.unsettled.ack_together();
                Ok(())
            }
            Err(error) => {
                // What fails now would fail again at once: the event is held for a while, and put back after it.
                let session = Arc::clone(&self.unsettled.source.session);
                session.while_alive(sleep(PAUSE_AFTER_FAILURE)).await;
                Err(error)
            }
        }
    }

    async fn copy_to(&self, queue: &str, story: &FailureRecord) -> Result<(), Error> {
        let Self { unsettled: DeliveryGuard { source, properties, .. }, body, .. } = self;
        let session = &source.session;
        let properties = of_failed_event(properties, story);
        if copy::copy(session, queue, properties.clone(), body.clone()).await? {
            return Ok(());
        }
        // Someone deleted the queue.
        declare::subscription(&session.publishing, &session.plan.topology, &self.subscription)
            .await
            .map_err(declare::DeclareError::into_error)?;
        if copy::copy(session, queue, properties, body.clone()).await? { Ok(()) } else { Err(copy::missing(queue)) }
    }
}
