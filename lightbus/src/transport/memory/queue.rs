//! A queue of a broker: waiting messages, consumers, and messages that are delivered but not settled.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

/// Names one process on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ProcessId(pub(super) u64);

/// Names one message that was taken and is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Tag(u64);

/// A queue whose messages are `M` and whose consumers take them into an `S`.
#[derive(Debug)]
pub(super) struct Queue<M, S: ?Sized> {
    ready: VecDeque<Entry<M>>,
    consumers: VecDeque<Consumer<S>>,
    unsettled: FxHashMap<Tag, Taken<M>>,
    next_tag: u64,
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub(super) struct Entry<M> {
    pub(super) message: M,
    /// After this it is dropped unseen.
    pub(super) expires_at: Option<Instant>,
    /// How often it was handed out and came back.
    pub(super) redeliveries: u32,
}

#[derive(Debug)]
struct Consumer<S: ?Sized> {
    process: ProcessId,
    prefetch: usize,
    holds: usize,
    sink: Arc<S>,
}

#[derive(Debug)]
struct Taken<M> {
    process: ProcessId,
    entry: Entry<M>,
}

/// A message on its way to a consumer.
#[derive(Debug)]
pub(super) struct Assignment<M, S: ?Sized> {
    pub(super) sink: Arc<S>,
    pub(super) tag: Tag,
    pub(super) entry: Entry<M>,
}

impl<M, S: ?Sized> Default for Queue<M, S> {
    fn default() -> Self {
        Self { ready: VecDeque::new(), consumers: VecDeque::new(), unsettled: FxHashMap::default(), next_tag: 0 }
    }
}

impl<M: Clone, S: ?Sized> Queue<M, S> {
    pub(super) fn push(&mut self, message: M, expires_at: Option<Instant>) {
        self.ready.push_back(Entry { message, expires_at, redeliveries: 0 });
    }

    /// Hands a message over at once when nothing waits before it and a consumer may hold more; otherwise it waits. As on
    /// RabbitMQ, only what waits expires.
    pub(super) fn publish(&mut self, message: M, expires_at: Option<Instant>) -> Option<Assignment<M, S>> {
        if self.ready.is_empty()
            && let Some(turn) = self.take_turn()
        {
            return Some(self.hand_over(turn, Entry { message, expires_at, redeliveries: 0 }));
        }
        self.push(message, expires_at);
        None
    }

    pub(super) fn add_consumer(&mut self, process: ProcessId, prefetch: u16, sink: Arc<S>) {
        self.consumers.push_back(Consumer { process, prefetch: prefetch.into(), holds: 0, sink });
    }

    /// Hands a process nothing more. What it took messages into is returned, not dropped: a sink may hold the process's
    /// bus, whose end comes back to the broker, so it must not end while that is locked.
    #[must_use = "it must be dropped outside the lock"]
    pub(super) fn remove_consumer(&mut self, process: ProcessId) -> Vec<Arc<S>> {
        let consumers = std::mem::take(&mut self.consumers);
        let (removed, kept) = consumers.into_iter().partition(|consumer| consumer.process == process);
        self.consumers = kept;
        let removed: VecDeque<Consumer<S>> = removed;
        removed.into_iter().map(|consumer| consumer.sink).collect()
    }

    pub(super) fn is_consumed_by(&self, process: ProcessId) -> bool {
        self.consumers.iter().any(|consumer| consumer.process == process)
    }

    pub(super) fn consumers(&self) -> usize {
        self.consumers.len()
    }

    /// Assigns waiting messages to consumers with room for more, in turn, and drops expired messages.
    pub(super) fn assign(&mut self, mut assigned: impl FnMut(Assignment<M, S>)) {
        if self.ready.is_empty() {
            return;
        }
        let now = Instant::now();
        loop {
            while self.ready.front().is_some_and(|entry| entry.expires_at.is_some_and(|at| at <= now)) {
                self.ready.pop_front();
            }
            if self.ready.is_empty() {
                return;
            }
            let Some(turn) = self.take_turn() else { return };
            let Some(entry) = self.ready.pop_front() else { return };
            assigned(self.hand_over(turn, entry));
        }
    }

    /// The next consumer that may hold more, which holds one more from now on.
    fn take_turn(&mut self) -> Option<(ProcessId, Arc<S>)> {
        let mut consumers = self.consumers.iter_mut().enumerate();
        let (turn, consumer) = consumers.find(|(_, consumer)| consumer.holds < consumer.prefetch)?;
        consumer.holds += 1;
        let taken = (consumer.process, Arc::clone(&consumer.sink));
        // The one whose turn it was goes to the end.
        if turn + 1 < self.consumers.len() {
            self.consumers.rotate_left(turn + 1);
        }
        Some(taken)
    }

    fn hand_over(&mut self, (process, sink): (ProcessId, Arc<S>), entry: Entry<M>) -> Assignment<M, S> {
        let tag = Tag(self.next_tag);
        self.next_tag += 1;
        self.unsettled.insert(tag, Taken { process, entry: entry.clone() });
        Assignment { sink, tag, entry }
    }

    /// Whether a message is still held under that tag.
    pub(super) fn holds(&self, tag: Tag) -> bool {
        self.unsettled.contains_key(&tag)
    }

    /// Takes a message off the queue for good. `None` when it is someone else's by now.
    pub(super) fn settle(&mut self, tag: Tag) -> Option<Entry<M>> {
        let taken = self.unsettled.remove(&tag)?;
        if let Some(consumer) = self.consumers.iter_mut().find(|consumer| consumer.process == taken.process) {
            consumer.holds = consumer.holds.saturating_sub(1);
        }
        Some(taken.entry)
    }

    /// Takes a message back that was dropped unsettled. Whoever does that is about to end, so it is
    /// [removed](Self::remove_consumer), too.
    pub(super) fn abandon(&mut self, tag: Tag) -> Option<(Entry<M>, Vec<Arc<S>>)> {
        let process = self.unsettled.get(&tag)?.process;
        let removed = self.remove_consumer(process);
        Some((self.settle(tag)?, removed))
    }

    /// Puts a message that was settled back to the front.
    pub(super) fn push_front(&mut self, entry: Entry<M>) {
        self.ready.push_front(entry);
    }

    /// Everything that was taken and is not settled.
    #[cfg(feature = "testing")]
    pub(super) fn unsettled(&self) -> impl Iterator<Item = &M> {
        self.unsettled.values().map(|taken| &taken.entry.message)
    }

    /// Everything that a process holds and has not settled, oldest first.
    pub(super) fn held_by(&self, process: ProcessId) -> Vec<Tag> {
        let held = self.unsettled.iter().filter(|(_, taken)| taken.process == process);
        let mut tags: Vec<Tag> = held.map(|(tag, _)| *tag).collect();
        tags.sort_unstable();
        tags
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ONE: ProcessId = ProcessId(1);
    const TWO: ProcessId = ProcessId(2);

    fn queue(consumers: &[(ProcessId, u16)]) -> Queue<&'static str, str> {
        let mut queue = Queue::default();
        for (process, prefetch) in consumers {
            queue.add_consumer(*process, *prefetch, Arc::from(format!("sink {}", process.0)));
        }
        queue
    }

    fn assign(queue: &mut Queue<&'static str, str>) -> Vec<(String, &'static str, Tag)> {
        let mut assignments = Vec::new();
        queue.assign(|a| assignments.push((a.sink.to_string(), a.entry.message, a.tag)));
        assignments
    }

    #[tokio::test]
    async fn consumers_take_turns_and_hold_no_more_than_they_may() {
        let mut queue = queue(&[(ONE, 1), (TWO, 2)]);
        for message in ["a", "b", "c", "d"] {
            queue.push(message, None);
        }
        let first = assign(&mut queue);
        let to: Vec<_> = first.iter().map(|(sink, message, _)| (sink.as_str(), *message)).collect();
        assert_eq!(to, [("sink 1", "a"), ("sink 2", "b"), ("sink 2", "c")]);
        assert!(assign(&mut queue).is_empty());
        assert!(queue.settle(first[0].2).is_some());
        assert_eq!(assign(&mut queue)[0].1, "d");
    }

    #[tokio::test]
    async fn a_message_is_settled_once() {
        let mut queue = queue(&[(ONE, 1)]);
        queue.push("a", None);
        let tag = assign(&mut queue)[0].2;
        assert!(queue.settle(tag).is_some());
        assert!(queue.settle(tag).is_none());
    }

    #[tokio::test]
    async fn what_has_expired_is_never_seen() {
        let mut queue = queue(&[(ONE, 5)]);
        let now = Instant::now();
        queue.push("late", Some(now));
        queue.push("in time", Some(now + Duration::from_secs(60)));
        let mut messages = Vec::new();
        queue.assign(|assignment| messages.push(assignment.entry.message));
        assert_eq!(messages, ["in time"]);
    }

    #[tokio::test]
    async fn who_drops_a_message_takes_no_more() {
        let mut queue = queue(&[(ONE, 5), (TWO, 5)]);
        queue.push("a", None);
        let (_, _, tag) = assign(&mut queue).remove(0);
        let (entry, removed) = queue.abandon(tag).unwrap();
        assert_eq!(removed.len(), 1);
        queue.push_front(entry);
        assert_eq!(queue.consumers(), 1);
        assert_eq!(assign(&mut queue)[0].0, "sink 2");
    }

    #[tokio::test]
    async fn messages_wait_for_a_consumer() {
        let mut queue = queue(&[]);
        queue.push("a", None);
        assert!(assign(&mut queue).is_empty());
        queue.add_consumer(ONE, 1, Arc::from("sink 1"));
        assert_eq!(assign(&mut queue).len(), 1);
    }
}
