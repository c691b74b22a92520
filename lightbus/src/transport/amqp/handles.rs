//! Settles what was delivered.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::{BasicProperties, Channel};
use tokio::time::{Instant, sleep, timeout};

use super::declare;
use super::errors::OPERATION_TIMEOUT;
use super::properties::{of_dead_letter, of_reply, of_returned_request, short, to_event, to_request};
use super::publisher::{Gone, Outcome, Publication};
use super::session::Session;
use super::topology::default_exchange;
use crate::error::Error;
use crate::message::Reply;
use crate::transport::{DeadLetterStory, EventDelivery, EventHandle, RequestDelivery, RequestHandle};

/// How long an event that could not be moved to the dead letters is held before it is handed out again.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The channel that a queue is consumed on.
pub(super) struct Source {
    pub(super) session: Arc<Session>,
    pub(super) channel: Channel,
    pub(super) queue: String,
}

impl Source {
    /// Takes a message off the queue. `false` when the channel is gone, and the message with it.
    fn ack(&self, tag: u64) -> bool {
        let acked = self.channel.basic_ack(tag, BasicAckOptions::default());
        // The frame is queued at the first poll; what remains is to wait until it is written.
        !self.session.is_lost() && !matches!(acked.now_or_never(), Some(Err(_)))
    }

    /// Puts a message back. When the channel is gone, the broker has done so already.
    fn nack(&self, tag: u64) {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        let _ = self.channel.basic_nack(tag, options).now_or_never();
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("queue", &self.queue).field("session", &self.session).finish_non_exhaustive()
    }
}

/// A delivery that is put back unless it is settled.
struct Unsettled {
    source: Arc<Source>,
    tag: u64,
    properties: BasicProperties,
    body: Bytes,
    arrived: Instant,
    settled: bool,
}

impl Unsettled {
    fn new(source: &Arc<Source>, delivery: Delivery) -> Self {
        let Delivery { delivery_tag: tag, properties, data, .. } = delivery;
        let (source, body, arrived) = (Arc::clone(source), Bytes::from(data), Instant::now());
        Self { source, tag, properties, body, arrived, settled: false }
    }

    /// `false` when the channel is gone. Settling twice would make the broker close the channel.
    fn ack(&mut self) -> bool {
        if !self.settled {
            self.settled = true;
            return self.source.ack(self.tag);
        }
        true
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if !self.settled {
            self.source.nack(self.tag);
        }
    }
}

impl fmt::Debug for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsettled")
            .field("source", &self.source)
            .field("tag", &self.tag)
            .field("settled", &self.settled)
            .finish_non_exhaustive()
    }
}

/// A request as it goes to the sink.
pub(super) fn request(source: &Arc<Source>, api: &'static str, delivery: Delivery) -> RequestDelivery {
    let redelivered = delivery.redelivered;
    let unsettled = Unsettled::new(source, delivery);
    let request = to_request(api, &unsettled.properties, unsettled.body.clone());
    RequestDelivery { request, redelivered, handle: Box::new(RequestOnQueue(unsettled)) }
}

/// An event as it goes to the sink.
pub(super) fn event(source: &Arc<Source>, dead_queue: &Arc<str>, delivery: Delivery) -> EventDelivery {
    let routing_key = delivery.routing_key.clone();
    let unsettled = Unsettled::new(source, delivery);
    let event = to_event(routing_key.as_str(), &unsettled.properties, unsettled.body.clone());
    EventDelivery { event, handle: Box::new(EventOnQueue { unsettled, dead_queue: Arc::clone(dead_queue) }) }
}

#[derive(Debug)]
struct RequestOnQueue(Unsettled);

impl RequestHandle for RequestOnQueue {
    fn accept(&mut self) -> bool {
        self.0.ack()
    }

    fn reply(&mut self, reply: Reply) {
        let Self(request) = self;
        let Some(to) = request.properties.reply_to() else { return };
        let properties = of_reply(&reply, request.properties.correlation_id().clone());
        request.source.session.reply(to.clone(), properties, &reply.payload.bytes);
    }

    /// Takes the request off the queue and puts a fresh copy on it. In that order, on one connection: if it breaks in
    /// between, the request is lost, and not run twice.
    fn give_back(mut self: Box<Self>) {
        let Self(request) = &mut *self;
        if !request.ack() {
            return;
        }
        if let Some(properties) = of_returned_request(&request.properties, request.arrived.elapsed()) {
            request.source.session.give_back(&request.source.queue, properties, &request.body);
        }
    }
}

#[derive(Debug)]
struct EventOnQueue {
    unsettled: Unsettled,
    dead_queue: Arc<str>,
}

#[async_trait]
impl EventHandle for EventOnQueue {
    fn accept(mut self: Box<Self>) {
        self.unsettled.ack();
    }

    async fn dead_letter(mut self: Box<Self>, story: DeadLetterStory) -> Result<(), Error> {
        let moved = timeout(OPERATION_TIMEOUT, self.copy_to_dead_letters(&story));
        match moved
            .await
            .unwrap_or_else(|_| Err(self.not_moved(format!("no confirm came within {OPERATION_TIMEOUT:?}"))))
        {
            Ok(()) => {
                self.unsettled.ack();
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
}

impl EventOnQueue {
    async fn copy_to_dead_letters(&self, story: &DeadLetterStory) -> Result<(), Error> {
        let session = &self.unsettled.source.session;
        let mut redeclared = false;
        loop {
            let outcome = session.dead_letters.publish(Publication {
                exchange: default_exchange(),
                routing_key: short(&*self.dead_queue),
                mandatory: true,
                body: self.unsettled.body.clone(),
                properties: of_dead_letter(&self.unsettled.properties, story),
            });
            let why = match outcome.await {
                Ok(Outcome::Confirmed) => return Ok(()),
                Ok(Outcome::Returned) if !redeclared => {
                    // Someone deleted the queue.
                    redeclared = true;
                    let (wire, topology) = (&session.publishing, &session.plan.topology);
                    declare::dead_queue(wire, topology, &self.dead_queue)
                        .await
                        .map_err(declare::Refused::into_error)?;
                    continue;
                }
                Ok(Outcome::Returned) => "that queue does not exist".to_owned(),
                Ok(Outcome::Refused) => {
                    "the broker does not take it, perhaps for a length limit of that queue".to_owned()
                }
                Ok(Outcome::Interrupted(failure)) => failure.reason(),
                Err(Gone) => "the connection was lost".to_owned(),
            };
            return Err(self.not_moved(why));
        }
    }

    fn not_moved(&self, reason: String) -> Error {
        Error::Broker { operation: format!("move an event to {}", self.dead_queue), reason }
    }
}
