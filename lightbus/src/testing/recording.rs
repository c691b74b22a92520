//! The transport of a process on the bus of a test.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::faults::Faults;
use super::ledger::Ledger;
use crate::error::Error;
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::protocol::destination::Destination;
use crate::protocol::message::{EventMessage, Request};
use crate::runtime::causes::Causes;
use crate::transport::control::{Answer, Audience, ConsumedQueue, Respondent};
use crate::transport::{
    CallOutcome, CallTransport, Consumer, ControlTransport, DeadLetterTransport, EventSink, EventTransport,
    PublishFailure, RequestSink, Subscription, Transport,
};

/// Records calls and events, applies the faults of the test, and counts everything that may hand messages over. The handlers that this starts are counted
/// when the messages arrive at them.
#[derive(Debug)]
pub(super) struct RecordingTransport {
    inner: Arc<dyn Transport>,
    causes: Causes,
    faults: Arc<Faults>,
    /// `None` for the test itself and for fakes.
    ledger: Option<Arc<Ledger>>,
}

impl RecordingTransport {
    pub(super) fn new(
        inner: Arc<dyn Transport>,
        causes: Causes,
        faults: Arc<Faults>,
        ledger: Option<Arc<Ledger>>,
    ) -> Self {
        Self { inner, causes, faults, ledger }
    }
}

#[async_trait]
impl CallTransport for RecordingTransport {
    async fn call(&self, request: Box<Request>, deadline: Instant) -> CallOutcome {
        let _cause = self.causes.begin();
        let recorded = self.ledger.as_ref().map(|ledger| (ledger, ledger.record_call(&request)));
        let is_lost = self.faults.loses_reply(&request);
        let mut outcome = self.inner.call(request, deadline).await;
        if is_lost {
            outcome = CallOutcome::ConnectionLost;
        }
        if let Some((ledger, record)) = recorded {
            ledger.record_outcome(record, &outcome);
        }
        outcome
    }

    async fn serve(
        &self,
        api: &'static str,
        prefetch: u16,
        sink: Arc<dyn RequestSink>,
    ) -> Result<Arc<dyn Consumer>, Error> {
        let _cause = self.causes.begin();
        self.inner.serve(api, prefetch, sink).await
    }

    async fn servers(&self, api: &str) -> Option<u32> {
        self.inner.servers(api).await
    }
}

#[async_trait]
impl EventTransport for RecordingTransport {
    async fn publish(&self, event: EventMessage, deadline: Instant) -> Result<(), PublishFailure> {
        let _cause = self.causes.begin();
        if let Some(ledger) = &self.ledger {
            ledger.record_event(&event);
        }
        if self.faults.repeats_events() {
            self.inner.publish(event.clone(), deadline).await?;
        }
        self.inner.publish(event, deadline).await
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        sink: Arc<dyn EventSink>,
    ) -> Result<Arc<dyn Consumer>, Error> {
        let _cause = self.causes.begin();
        self.inner.subscribe(subscription, sink).await
    }
}

#[async_trait]
impl DeadLetterTransport for RecordingTransport {
    async fn dead_letter_count(&self, destination: &Destination) -> Result<u64, Error> {
        self.inner.dead_letter_count(destination).await
    }

    async fn dead_letters(&self, destination: &Destination, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        self.inner.dead_letters(destination, limit).await
    }

    async fn settle_dead_letters(
        &self,
        destination: &Destination,
        selection: Selection,
        action: DeadLetterAction,
    ) -> Result<u64, Error> {
        let _cause = self.causes.begin();
        self.inner.settle_dead_letters(destination, selection, action).await
    }
}

#[async_trait]
impl ControlTransport for RecordingTransport {
    fn answer_questions(&self, respondent: Respondent, sink: Arc<dyn RequestSink>) {
        self.inner.answer_questions(respondent, sink);
    }

    async fn ask(&self, audience: &Audience, question: Request) -> Result<Option<mpsc::Receiver<Answer>>, Error> {
        self.inner.ask(audience, question).await
    }

    async fn consumers(&self, queue: &ConsumedQueue) -> Option<u32> {
        self.inner.consumers(queue).await
    }
}

#[async_trait]
impl Transport for RecordingTransport {
    fn is_connected(&self) -> bool {
        self.inner.is_connected()
    }

    async fn stop_consuming(&self) {
        self.inner.stop_consuming().await;
    }

    async fn close(&self) {
        let _cause = self.causes.begin();
        self.inner.close().await;
    }
}
