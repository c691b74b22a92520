//! Delivers the messages of a bus in memory, with handles that settle them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use super::api_queue::QueuedRequest;
use super::broker::Broker;
use super::queue::{Assignment, Entry, Tag};
use super::subscription::QueuedEvent;
use crate::error::Error;
use crate::protocol::destination::Destination;
use crate::protocol::failure::FailureRecord;
use crate::protocol::message::{Payload, Reply};
use crate::transport::pending_calls::PendingCalls;
use crate::transport::{
    CallOutcome, EventDelivery, EventHandle, EventSink, RequestDelivery, RequestHandle, RequestSink,
};

impl Broker {
    pub(super) fn deliver_request(
        self: &Arc<Self>,
        api: SmolStr,
        assignment: Assignment<QueuedRequest, dyn RequestSink>,
    ) {
        let Assignment { sink, tag, entry } = assignment;
        let Entry { message: QueuedRequest { request, calls }, redeliveries, .. } = entry;
        let handle =
            MemoryRequestHandle { broker: Arc::clone(self), api, tag, calls, id: request.id.clone(), settled: false };
        sink.deliver(RequestDelivery { request, redelivered: redeliveries > 0, handle: Box::new(handle) });
    }

    pub(super) fn deliver_event(
        self: &Arc<Self>,
        key: Destination,
        assignment: Assignment<QueuedEvent, dyn EventSink>,
    ) {
        let Assignment { sink, tag, entry: Entry { message: QueuedEvent { message, record }, .. } } = assignment;
        let handle = MemoryEventHandle { broker: Arc::clone(self), subscription: key, tag, settled: false };
        sink.deliver(EventDelivery {
            event: message,
            attempt: record.as_ref().map_or(1, |record| record.attempt.saturating_add(1)),
            first_failed_at: record.map(|record| record.first_at),
            handle: Box::new(handle),
        });
    }
}

#[derive(Debug)]
struct MemoryRequestHandle {
    broker: Arc<Broker>,
    api: SmolStr,
    tag: Tag,
    calls: Arc<PendingCalls>,
    id: SmolStr,
    settled: bool,
}

#[async_trait]
impl RequestHandle for MemoryRequestHandle {
    fn is_current(&self) -> bool {
        self.broker.holds_request(&self.api, self.tag)
    }

    fn accept(mut self: Box<Self>) {
        self.settled = true;
        self.broker.accept_request(&self.api, self.tag);
    }

    fn reply(self: Box<Self>, reply: Reply) {
        self.calls.complete(&self.id, CallOutcome::Reply(reply));
        self.accept();
    }

    async fn reply_then_accept(self: Box<Self>, reply: Reply) {
        self.reply(reply);
    }

    fn requeue(mut self: Box<Self>, _: Payload) {
        self.settled = true;
        self.broker.requeue_request(&self.api, self.tag);
    }
}

impl Drop for MemoryRequestHandle {
    fn drop(&mut self) {
        if !self.settled {
            self.broker.return_request(&self.api, self.tag);
        }
    }
}

#[derive(Debug)]
struct MemoryEventHandle {
    broker: Arc<Broker>,
    subscription: Destination,
    tag: Tag,
    settled: bool,
}

#[async_trait]
impl EventHandle for MemoryEventHandle {
    fn accept(mut self: Box<Self>) {
        self.settled = true;
        self.broker.accept_event(&self.subscription, self.tag);
    }

    async fn retry(mut self: Box<Self>, delay: Duration, record: FailureRecord) -> Result<(), Error> {
        self.settled = true;
        self.broker.retry(&self.subscription, self.tag, delay, record);
        Ok(())
    }

    async fn dead_letter(mut self: Box<Self>, record: FailureRecord) -> Result<(), Error> {
        self.settled = true;
        self.broker.dead_letter(&self.subscription, self.tag, record);
        Ok(())
    }
}

impl Drop for MemoryEventHandle {
    fn drop(&mut self) {
        if !self.settled {
            self.broker.return_event(&self.subscription, self.tag);
        }
    }
}
