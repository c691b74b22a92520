//! Settles what a bus in memory has handed out.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;

use super::broker::Broker;
use super::queue::Tag;
use crate::error::Error;
use crate::protocol::destination::Destination;
use crate::protocol::failure::FailureRecord;
use crate::protocol::message::{Payload, Reply};
use crate::transport::pending_calls::PendingCalls;
use crate::transport::{CallOutcome, EventHandle, RequestHandle};

#[derive(Debug)]
pub(super) struct MemoryRequestHandle {
    broker: Arc<Broker>,
    api: SmolStr,
    tag: Tag,
    calls: Arc<PendingCalls>,
    id: SmolStr,
    settled: bool,
}

impl MemoryRequestHandle {
    pub(super) fn new(broker: Arc<Broker>, api: SmolStr, tag: Tag, calls: Arc<PendingCalls>, id: SmolStr) -> Self {
        Self { broker, api, tag, calls, id, settled: false }
    }
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
        self.broker.give_back_request(&self.api, self.tag);
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
pub(super) struct MemoryEventHandle {
    broker: Arc<Broker>,
    subscription: Destination,
    tag: Tag,
    settled: bool,
}

impl MemoryEventHandle {
    pub(super) fn new(broker: Arc<Broker>, subscription: Destination, tag: Tag) -> Self {
        Self { broker, subscription, tag, settled: false }
    }
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
