//! The broker of a bus in memory: what RabbitMQ keeps, with the same semantics.

#[cfg(feature = "testing")]
mod testing;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::api_queue::{ApiQueue, QueuedRequest};
use super::clock::Clock;
use super::control::{Asked, Respondents};
use super::queue::{Assignment, ProcessId, Tag};
use super::subscription::{QueuedEvent, SubscriptionQueue};
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::protocol::destination::Destination;
use crate::protocol::failure::FailureRecord;
use crate::protocol::message::{EventMessage, Request};
use crate::runtime::sync::lock;
use crate::transport::control::{Audience, ConsumedQueue, Respondent};
use crate::transport::pending_calls::PendingCalls;
use crate::transport::{EventSink, RequestSink, Subscription};

/// A queue that a process consumes.
#[derive(Debug)]
pub(super) enum Source {
    Api(SmolStr),
    Subscription(Destination),
}

/// The broker of a bus in memory.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_process: u64,
    apis: FxHashMap<SmolStr, ApiQueue>,
    subscriptions: FxHashMap<Destination, SubscriptionQueue>,
    respondents: Respondents,
    /// What is on its way to the sinks, in order.
    outbox: VecDeque<Delivery>,
    /// Whether someone is emptying the outbox.
    delivering: bool,
}

/// A message on its way to a sink.
#[derive(Debug)]
enum Delivery {
    Request(SmolStr, Assignment<QueuedRequest, dyn RequestSink>),
    Event(Destination, Assignment<QueuedEvent, dyn EventSink>),
}

impl Broker {
    pub(super) fn join(&self) -> ProcessId {
        let mut state = lock(&self.state);
        let process = ProcessId(state.next_process);
        state.next_process += 1;
        process
    }

    /// Removes a process from the bus. The messages that it holds are delivered again to others.
    pub(super) fn leave(self: &Arc<Self>, process: ProcessId) {
        let respondents = lock(&self.state).respondents.remove(process);
        drop(respondents);
        self.stop_consuming(process);
        self.change(|state| {
            let State { apis, subscriptions, outbox, .. } = state;
            for (api, served) in apis {
                for tag in served.queue.held_by(process).into_iter().rev() {
                    // Its consumers were removed before.
                    served.requeue(tag);
                }
                hand_out_requests(api, served, outbox);
            }
            for (key, subscribed) in subscriptions {
                for tag in subscribed.queue.held_by(process).into_iter().rev() {
                    subscribed.requeue(tag);
                }
                hand_out(key, subscribed, outbox);
            }
        });
    }

    /// Stops delivering requests and events to the process.
    pub(super) fn stop_consuming(&self, process: ProcessId) {
        let (mut requests, mut events) = (Vec::new(), Vec::new());
        let mut state = lock(&self.state);
        for served in state.apis.values_mut() {
            requests.extend(served.queue.remove_consumer(process));
            served.note_consumers();
        }
        for subscribed in state.subscriptions.values_mut() {
            events.extend(subscribed.remove_consumer(process));
        }
        // The sinks are dropped after the lock is released.
        drop(state);
    }

    /// Stops delivering messages of one queue to the process.
    pub(super) fn stop_consumer(&self, process: ProcessId, source: &Source) {
        let mut state = lock(&self.state);
        let (mut requests, mut events) = (Vec::new(), Vec::new());
        match source {
            Source::Api(api) => {
                if let Some(served) = state.apis.get_mut(api) {
                    requests = served.queue.remove_consumer(process);
                    served.note_consumers();
                }
            }
            Source::Subscription(key) => {
                if let Some(subscribed) = state.subscriptions.get_mut(key) {
                    events = subscribed.remove_consumer(process);
                }
            }
        }
        // The sinks are dropped after the lock is released.
        drop(state);
        drop((requests, events));
    }

    /// Whether the process consumes a queue.
    pub(super) fn is_consumed_by(&self, process: ProcessId, source: &Source) -> bool {
        let state = lock(&self.state);
        match source {
            Source::Api(api) => state.apis.get(api).is_some_and(|served| served.queue.is_consumed_by(process)),
            Source::Subscription(key) => {
                state.subscriptions.get(key).is_some_and(|subscribed| subscribed.queue.is_consumed_by(process))
            }
        }
    }

    /// The names of a service's subscriptions.
    pub(super) fn subscriptions_of(&self, service: &str) -> Vec<String> {
        let state = lock(&self.state);
        let names = state.subscriptions.keys().filter_map(|key| match key {
            Destination::Subscription { service: of, name } if of.as_str() == service => Some(name.to_string()),
            _ => None,
        });
        names.collect()
    }

    /// Queues a request. Returns `false` if no process serves the API.
    pub(super) fn call(self: &Arc<Self>, calls: &Arc<PendingCalls>, request: Request) -> bool {
        let mut state = lock(&self.state);
        let Some(served) = state.apis.get_mut(&request.api).filter(|served| !served.has_expired()) else {
            state.apis.remove(&request.api);
            return false;
        };
        let (api, expires_at) = (request.api.clone(), request.deadline);
        let assigned = served.queue.publish(QueuedRequest { request, calls: Arc::clone(calls) }, expires_at);
        self.deliver(state, assigned.map(|assignment| Delivery::Request(api, assignment)));
        true
    }

    pub(super) fn servers(&self, api: &str) -> usize {
        lock(&self.state).apis.get(api).map_or(0, |served| served.queue.consumers())
    }

    pub(super) fn consumers(&self, queue: &ConsumedQueue) -> usize {
        match queue {
            ConsumedQueue::Api(api) => self.servers(api),
            ConsumedQueue::Destination(destination) => {
                let state = lock(&self.state);
                state.subscriptions.get(destination).map_or(0, |subscribed| subscribed.queue.consumers())
            }
        }
    }

    /// Has questions handed to the sink until the process leaves.
    pub(super) fn answer_questions(&self, process: ProcessId, respondent: Respondent, sink: Arc<dyn RequestSink>) {
        lock(&self.state).respondents.add(process, respondent, sink);
    }

    /// The processes that get a question.
    pub(super) fn asked(&self, audience: &Audience) -> Asked {
        lock(&self.state).respondents.of(audience)
    }

    pub(super) fn serve(
        self: &Arc<Self>,
        process: ProcessId,
        api: &'static str,
        expiry: Duration,
        prefetch: u16,
        sink: Arc<dyn RequestSink>,
    ) {
        self.change(|State { apis, outbox, .. }| {
            let served = apis.entry(SmolStr::new_static(api)).or_insert_with(|| ApiQueue::new(expiry));
            served.idle_since = None;
            served.queue.add_consumer(process, prefetch, sink);
            hand_out_requests(&SmolStr::new_static(api), served, outbox);
        });
    }

    pub(super) fn subscribe(
        self: &Arc<Self>,
        process: ProcessId,
        subscription: Subscription,
        sink: Arc<dyn EventSink>,
    ) {
        let key = subscription.destination;
        let runtime = Handle::current();
        let waiting = self.change(|State { subscriptions, outbox, .. }| {
            let new = || SubscriptionQueue::new(self.clock.clone());
            let subscribed = subscriptions.entry(key.clone()).or_insert_with(new);
            let sink = subscribed.bind(subscription.pattern, sink);
            subscribed.queue.add_consumer(process, subscription.prefetch, sink);
            subscribed.runtimes.insert(process, runtime.clone());
            hand_out(&key, subscribed, outbox);
            subscribed.times()
        });
        for time in waiting {
            self.wake(&key, time, &runtime);
        }
    }

    pub(super) fn publish(self: &Arc<Self>, event: &EventMessage) {
        let name = event.full_name();
        self.change(|State { subscriptions, outbox, .. }| {
            for (key, subscribed) in subscriptions {
                if subscribed.is_bound_to(&name) {
                    subscribed.queue.push(QueuedEvent { message: event.clone(), record: None }, None);
                    hand_out(key, subscribed, outbox);
                }
            }
        });
    }

    /// Counts the dead letters of a subscription. `None` if there is no such subscription.
    pub(super) fn dead_letter_count(&self, key: &Destination) -> Option<usize> {
        lock(&self.state).subscriptions.get(key).map(SubscriptionQueue::dead_letter_count)
    }

    pub(super) fn dead_letters(&self, key: &Destination, limit: usize) -> Vec<DeadLetter> {
        lock(&self.state).subscriptions.get(key).map_or_else(Vec::new, |subscribed| subscribed.dead_letters(limit))
    }

    pub(super) fn settle_dead_letters(
        self: &Arc<Self>,
        key: &Destination,
        selection: &Selection,
        action: DeadLetterAction,
    ) -> usize {
        self.with_subscription(key, |subscribed| subscribed.settle_dead_letters(selection, action))
    }

    /// Whether a request is still held under that tag.
    pub(super) fn holds_request(&self, api: &SmolStr, tag: Tag) -> bool {
        lock(&self.state).apis.get(api).is_some_and(|served| served.queue.holds(tag))
    }

    /// Removes a request from its queue.
    pub(super) fn accept_request(self: &Arc<Self>, api: &SmolStr, tag: Tag) {
        self.with_api(api, |served| {
            served.queue.settle(tag);
        });
    }

    pub(super) fn return_request(self: &Arc<Self>, api: &SmolStr, tag: Tag) {
        self.with_api(api, |served| served.requeue(tag));
    }

    /// Returns a request to its queue as if it had never been delivered.
    pub(super) fn requeue_request(self: &Arc<Self>, api: &SmolStr, tag: Tag) {
        self.with_api(api, |served| {
            if let Some(entry) = served.queue.settle(tag) {
                served.queue.push_front(entry);
            }
        });
    }

    pub(super) fn accept_event(self: &Arc<Self>, key: &Destination, tag: Tag) {
        self.with_subscription(key, |subscribed| {
            subscribed.queue.settle(tag);
        });
    }

    pub(super) fn return_event(self: &Arc<Self>, key: &Destination, tag: Tag) {
        self.with_subscription(key, |subscribed| subscribed.requeue(tag));
    }

    pub(super) fn dead_letter(self: &Arc<Self>, key: &Destination, tag: Tag, record: FailureRecord) {
        self.with_subscription(key, |subscribed| subscribed.dead_letter(tag, record));
    }

    pub(super) fn retry(self: &Arc<Self>, key: &Destination, tag: Tag, delay: Duration, record: FailureRecord) {
        let (time, runtimes) = self.with_subscription(key, |subscribed| {
            let time = subscribed.retry(tag, delay, record);
            (time, subscribed.runtimes.values().cloned().collect::<Vec<_>>())
        });
        for runtime in runtimes {
            if let Some(time) = time {
                self.wake(key, time, &runtime);
            }
        }
    }

    /// Delivers the events that wait for that time, once it has come.
    fn wake(self: &Arc<Self>, key: &Destination, time: Instant, runtime: &Handle) {
        if !self.clock.runs() {
            return;
        }
        // Waiting events do not keep a bus alive that has no users.
        let (broker, key) = (Arc::downgrade(self), key.clone());
        runtime.spawn(async move {
            sleep_until(time).await;
            if let Some(broker) = broker.upgrade() {
                broker.with_subscription(&key, |_| ());
            }
        });
    }

    fn with_api<R: Default>(self: &Arc<Self>, api: &SmolStr, change: impl FnOnce(&mut ApiQueue) -> R) -> R {
        self.change(|State { apis, outbox, .. }| {
            let Some(served) = apis.get_mut(api) else { return R::default() };
            let result = change(served);
            hand_out_requests(api, served, outbox);
            result
        })
    }

    fn with_subscription<R: Default>(
        self: &Arc<Self>,
        key: &Destination,
        change: impl FnOnce(&mut SubscriptionQueue) -> R,
    ) -> R {
        self.change(|State { subscriptions, outbox, .. }| {
            let Some(subscribed) = subscriptions.get_mut(key) else { return R::default() };
            let result = change(subscribed);
            hand_out(key, subscribed, outbox);
            result
        })
    }

    /// Changes the state, and then delivers what the change put into the outbox.
    fn change<R>(self: &Arc<Self>, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = lock(&self.state);
        let result = change(&mut state);
        self.deliver(state, None);
        result
    }

    /// Delivers the outbox and then `last`. The lock is not held meanwhile, because a sink may call the broker at once. Only one
    /// thread at a time empties the outbox, which keeps the order.
    fn deliver<'s>(self: &'s Arc<Self>, mut state: MutexGuard<'s, State>, last: Option<Delivery>) {
        if state.delivering {
            state.outbox.extend(last);
            return;
        }
        let mut next = if state.outbox.is_empty() {
            last
        } else {
            state.outbox.extend(last);
            state.outbox.pop_front()
        };
        while let Some(delivery) = next {
            state.delivering = true;
            drop(state);
            match delivery {
                Delivery::Request(api, assignment) => self.deliver_request(api, assignment),
                Delivery::Event(key, assignment) => self.deliver_event(key, assignment),
            }
            state = lock(&self.state);
            next = state.outbox.pop_front();
        }
        state.delivering = false;
    }
}

/// Puts the requests that consumers have room for into the outbox.
fn hand_out_requests(api: &SmolStr, served: &mut ApiQueue, outbox: &mut VecDeque<Delivery>) {
    served.queue.assign(|assignment| outbox.push_back(Delivery::Request(api.clone(), assignment)));
}

/// Puts the events that consumers have room for into the outbox.
fn hand_out(key: &Destination, subscribed: &mut SubscriptionQueue, outbox: &mut VecDeque<Delivery>) {
    subscribed.assign(|assignment| outbox.push_back(Delivery::Event(key.clone(), assignment)));
}
