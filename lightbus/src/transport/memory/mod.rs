//! A bus inside one process, with the semantics of the one over RabbitMQ: acknowledgements, redelivery, deadlines, dead
//! letters, and calls that nobody serves.

mod api_queue;
mod broker;
mod clock;
mod consumer;
mod control;
mod delay_queue;
mod handles;
mod queue;
mod subscription;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use async_trait::async_trait;
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) use self::broker::Broker;
use self::broker::Source;
use self::consumer::MemoryConsumer;
use self::queue::ProcessId;
use super::control::{Answer, Audience, ConsumedQueue, ControlTransport, Respondent};
use super::pending_calls::PendingCalls;
use super::{
    CallOutcome, CallTransport, Consumer, DeadLetterTransport, EventSink, EventTransport, PublishFailure, RequestSink,
    Subscription, Transport,
};
use crate::config::Settings;
use crate::error::Error;
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::protocol::destination::Destination;
use crate::protocol::message::{EventMessage, Request};
use crate::runtime::sync::lock;

/// A name and a namespace.
type BusKey = (String, String);

/// The buses that have a name. Each lives as long as a process is on it.
static NAMED: LazyLock<Mutex<HashMap<BusKey, Weak<Broker>>>> = LazyLock::new(Mutex::default);

/// One process on a bus in memory.
#[derive(Debug)]
struct MemoryTransport {
    membership: Arc<Membership>,
    rpc_queue_expiry: Duration,
    /// Ends the task that stands for the process's runtime.
    _ended: DropGuard,
}

/// A process's place on the bus, until it leaves.
#[derive(Debug)]
struct Membership {
    broker: Arc<Broker>,
    process: ProcessId,
    calls: Arc<PendingCalls>,
    left: AtomicBool,
}

/// Leaves the bus when it is dropped.
struct LeaveOnDrop(Arc<Membership>);

/// Joins the bus of that name, or creates a new one without a name.
pub(crate) fn connect(settings: &Settings, name: Option<&str>) -> Arc<dyn Transport> {
    let broker = match name {
        None => Arc::default(),
        Some(name) => named(name, settings.namespace.as_str()),
    };
    join(broker, settings)
}

/// Joins a bus.
pub(crate) fn join(broker: Arc<Broker>, settings: &Settings) -> Arc<dyn Transport> {
    let process = broker.join();
    let membership = Arc::new(Membership { broker, process, calls: Arc::default(), left: AtomicBool::new(false) });
    let ended = CancellationToken::new();
    // When the runtime ends, it drops this task. Then the process leaves, because it could no longer run the messages it holds.
    tokio::spawn(stay(LeaveOnDrop(Arc::clone(&membership)), ended.clone()));
    Arc::new(MemoryTransport { membership, rpc_queue_expiry: settings.rpc_queue_expiry, _ended: ended.drop_guard() })
}

async fn stay(membership: LeaveOnDrop, ended: CancellationToken) {
    ended.cancelled().await;
    drop(membership);
}

fn named(name: &str, namespace: &str) -> Arc<Broker> {
    let mut named = lock(&NAMED);
    named.retain(|_, broker| broker.strong_count() > 0);
    let key = (name.to_owned(), namespace.to_owned());
    if let Some(broker) = named.get(&key).and_then(Weak::upgrade) {
        return broker;
    }
    let broker = Arc::default();
    named.insert(key, Arc::downgrade(&broker));
    broker
}

impl Membership {
    fn has_left(&self) -> bool {
        self.left.load(Ordering::SeqCst)
    }

    fn leave(&self) {
        if !self.left.swap(true, Ordering::SeqCst) {
            self.broker.leave(self.process);
            self.calls.fail_all();
        }
    }
}

impl Drop for LeaveOnDrop {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl MemoryTransport {
    fn broker(&self) -> &Arc<Broker> {
        &self.membership.broker
    }

    fn process(&self) -> ProcessId {
        self.membership.process
    }

    fn consumer(&self, source: Source) -> Arc<dyn Consumer> {
        Arc::new(MemoryConsumer::new(Arc::clone(self.broker()), self.process(), source))
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.membership.leave();
    }
}

#[async_trait]
impl CallTransport for MemoryTransport {
    async fn call(&self, request: Box<Request>, deadline: Instant) -> CallOutcome {
        let calls = &self.membership.calls;
        let Some(mut pending) = calls.register(request.id.clone()) else { return CallOutcome::Closed };
        let api = request.api.clone();
        if !self.broker().call(calls, *request) {
            return CallOutcome::NoServer;
        }
        match timeout_at(deadline, pending.outcome()).await {
            Ok(outcome) => outcome,
            Err(_) => CallOutcome::DeadlineExceeded { servers: u32::try_from(self.broker().servers(&api)).ok() },
        }
    }

    async fn serve(
        &self,
        api: &'static str,
        prefetch: u16,
        sink: Arc<dyn RequestSink>,
    ) -> Result<Arc<dyn Consumer>, Error> {
        self.broker().serve(self.process(), api, self.rpc_queue_expiry, prefetch, sink);
        Ok(self.consumer(Source::Api(SmolStr::new_static(api))))
    }

    async fn servers(&self, api: &str) -> Option<u32> {
        u32::try_from(self.broker().servers(api)).ok()
    }
}

#[async_trait]
impl EventTransport for MemoryTransport {
    async fn publish(&self, event: EventMessage, _: Instant) -> Result<(), PublishFailure> {
        self.broker().publish(&event);
        Ok(())
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
        sink: Arc<dyn EventSink>,
    ) -> Result<Arc<dyn Consumer>, Error> {
        let key = subscription.destination.clone();
        self.broker().subscribe(self.process(), subscription, sink);
        Ok(self.consumer(Source::Subscription(key)))
    }
}

#[async_trait]
impl DeadLetterTransport for MemoryTransport {
    async fn dead_letter_count(&self, destination: &Destination) -> Result<u64, Error> {
        let count = self.broker().dead_letter_count(destination);
        count.map(|count| count as u64).ok_or_else(|| {
            let similar = match destination {
                Destination::Subscription { service, .. } => self.broker().subscriptions_of(service.as_str()),
                Destination::Task { .. } => Vec::new(),
            };
            Error::unknown(destination, similar)
        })
    }

    async fn dead_letters(&self, destination: &Destination, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        Ok(self.broker().dead_letters(destination, limit))
    }

    async fn settle_dead_letters(
        &self,
        destination: &Destination,
        selection: Selection,
        action: DeadLetterAction,
    ) -> Result<u64, Error> {
        Ok(self.broker().settle_dead_letters(destination, &selection, action) as u64)
    }
}

#[async_trait]
impl ControlTransport for MemoryTransport {
    fn answer_questions(&self, respondent: Respondent, sink: Arc<dyn RequestSink>) {
        self.broker().answer_questions(self.process(), respondent, sink);
    }

    async fn ask(&self, audience: &Audience, question: Request) -> Result<Option<mpsc::Receiver<Answer>>, Error> {
        if self.membership.has_left() {
            return Err(Error::Closed);
        }
        Ok(control::ask(self.broker().asked(audience), &question))
    }

    async fn consumers(&self, queue: &ConsumedQueue) -> Option<u32> {
        u32::try_from(self.broker().consumers(queue)).ok()
    }
}

#[async_trait]
impl Transport for MemoryTransport {
    fn is_connected(&self) -> bool {
        !self.membership.has_left()
    }

    async fn stop_consuming(&self) {
        self.broker().stop_consuming(self.process());
    }

    async fn close(&self) {
        self.membership.leave();
    }
}
