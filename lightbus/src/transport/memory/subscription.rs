//! What a broker keeps of one subscription.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::clock::Clock;
use super::delay_queue::DelayQueue;
use super::queue::{Assignment, ProcessId, Queue, Tag};
use crate::protocol::dead_letter::{DeadLetter, DeadLetterAction, Selection};
use crate::protocol::failure::{FailureReason, FailureRecord};
use crate::protocol::message::EventMessage;
use crate::protocol::name::Pattern;
use crate::runtime::sync::lock;
use crate::transport::{EventDelivery, EventSink};

/// As on RabbitMQ: an event that comes back more often than this becomes a dead letter.
const DELIVERY_LIMIT: u32 = 20;

/// An event in the queue of a subscription.
#[derive(Debug, Clone)]
pub(super) struct QueuedEvent {
    pub(super) message: EventMessage,
    /// How it failed last.
    pub(super) record: Option<FailureRecord>,
}

/// An event among the dead letters.
#[derive(Debug)]
struct DeadEvent {
    reason: FailureReason,
    event: QueuedEvent,
}

/// The queue of a subscription, and what does not wait in it.
#[derive(Debug)]
pub(super) struct SubscriptionQueue {
    /// The pattern of the last process that subscribed.
    pattern: Option<Arc<Mutex<Pattern>>>,
    pub(super) queue: Queue<QueuedEvent, dyn EventSink>,
    /// Where the processes that consume run: each of them may be the last to hand over what waits.
    pub(super) runtimes: HashMap<ProcessId, Handle>,
    waiting: DelayQueue<QueuedEvent>,
    dead_letters: VecDeque<DeadEvent>,
}

impl SubscriptionQueue {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            pattern: None,
            queue: Queue::default(),
            runtimes: HashMap::new(),
            waiting: DelayQueue::new(clock),
            dead_letters: VecDeque::new(),
        }
    }

    /// Binds the queue to a pattern, in place of the one before, and returns a sink that checks it.
    pub(super) fn bind(&mut self, pattern: Pattern, sink: Arc<dyn EventSink>) -> Arc<dyn EventSink> {
        let bound = match &self.pattern {
            Some(bound) => {
                *lock(bound) = pattern.clone();
                Arc::clone(bound)
            }
            None => Arc::clone(self.pattern.insert(Arc::new(Mutex::new(pattern.clone())))),
        };
        Arc::new(PatternSink { pattern, bound, sink })
    }

    pub(super) fn is_bound_to(&self, event: &str) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| lock(pattern).matches(event))
    }

    pub(super) fn remove_consumer(&mut self, process: ProcessId) -> Vec<Arc<dyn EventSink>> {
        self.runtimes.remove(&process);
        self.queue.remove_consumer(process)
    }

    /// Takes an event off the queue until its next attempt. It returns when that is, unless it is at once.
    pub(super) fn retry(&mut self, tag: Tag, delay: Duration, record: FailureRecord) -> Option<Instant> {
        let mut event = self.queue.settle(tag)?.message;
        event.record = Some(record);
        if delay.is_zero() {
            self.queue.push(event, None);
            return None;
        }
        Some(self.waiting.add_for(delay, event))
    }

    /// When events that wait are to be handed over.
    pub(super) fn times(&self) -> Vec<Instant> {
        self.waiting.times().collect()
    }

    pub(super) fn dead_letter(&mut self, tag: Tag, record: FailureRecord) {
        if let Some(entry) = self.queue.settle(tag) {
            let (reason, message) = (record.reason, entry.message.message);
            self.dead_letters.push_back(DeadEvent { reason, event: QueuedEvent { message, record: Some(record) } });
        }
    }

    pub(super) fn dead_letter_count(&self) -> usize {
        self.dead_letters.len()
    }

    pub(super) fn dead_letters(&self, limit: usize) -> Vec<DeadLetter> {
        self.dead_letters.iter().take(limit).map(DeadEvent::letter).collect()
    }

    pub(super) fn settle_dead_letters(&mut self, selection: &Selection, action: DeadLetterAction) -> usize {
        let mut settled = 0;
        while let Some(at) = self.dead_letters.iter().position(|dead| selection.matches(&dead.event.message.id))
            && let Some(dead) = self.dead_letters.remove(at)
        {
            settled += 1;
            if action == DeadLetterAction::Replay {
                self.queue.push(QueuedEvent { record: None, ..dead.event }, None);
            }
            if matches!(selection, Selection::Id(_)) {
                break;
            }
        }
        settled
    }

    pub(super) fn requeue(&mut self, tag: Tag) -> Vec<Arc<dyn EventSink>> {
        let Some((mut entry, removed)) = self.queue.abandon(tag) else { return Vec::new() };
        entry.redeliveries += 1;
        if entry.redeliveries > DELIVERY_LIMIT {
            let (reason, event) = (FailureReason::DeliveryLimit, entry.message);
            self.dead_letters.push_back(DeadEvent { reason, event });
        } else {
            self.queue.push_front(entry);
        }
        removed
    }

    /// Assigns queued events, and delayed events that are due, to consumers.
    pub(super) fn assign(&mut self, hand_over: impl FnMut(Assignment<QueuedEvent, dyn EventSink>)) {
        for event in self.waiting.take_due() {
            self.queue.push(event, None);
        }
        self.queue.assign(hand_over);
    }
}

/// Takes the events that match the pattern of its process. Others are in the queue after another process has changed the
/// pattern of the subscription.
#[derive(Debug)]
struct PatternSink {
    pattern: Pattern,
    /// The pattern of the last process that subscribed.
    bound: Arc<Mutex<Pattern>>,
    sink: Arc<dyn EventSink>,
}

impl EventSink for PatternSink {
    fn deliver(&self, delivery: EventDelivery) {
        if self.pattern.matches(&delivery.event.full_name()) {
            self.sink.deliver(delivery);
        } else if *lock(&self.bound) == self.pattern {
            // No process subscribes to it any more.
            delivery.handle.accept();
        } else {
            // The newer process gets it.
            drop(delivery);
        }
    }
}

impl DeadEvent {
    fn letter(&self) -> DeadLetter {
        // The bus fills in the subscription.
        DeadLetter::new("", &self.event.message, self.reason, self.event.record.as_ref())
    }
}
