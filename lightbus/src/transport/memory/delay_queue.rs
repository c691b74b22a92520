//! What waits for its time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::clock::Clock;

/// Things that wait, each for its time. Those that wait for the same time keep their order.
#[derive(Debug)]
pub(super) struct DelayQueue<T> {
    clock: Clock,
    by_time: BTreeMap<Instant, Vec<T>>,
}

impl<T> DelayQueue<T> {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, by_time: BTreeMap::new() }
    }

    /// Has a thing wait, and returns for which time.
    pub(super) fn add_for(&mut self, delay: Duration, thing: T) -> Instant {
        let until = self.clock.now() + delay;
        self.add(until, thing);
        until
    }

    fn add(&mut self, until: Instant, thing: T) {
        self.by_time.entry(until).or_default().push(thing);
    }

    /// The times that something waits for.
    pub(super) fn times(&self) -> impl Iterator<Item = Instant> {
        self.by_time.keys().copied()
    }

    /// Takes what has waited long enough, in the order of its times.
    pub(super) fn take_due(&mut self) -> Vec<T> {
        if self.by_time.is_empty() {
            return Vec::new();
        }
        self.take_due_at(self.clock.now())
    }

    fn take_due_at(&mut self, now: Instant) -> Vec<T> {
        let mut due = Vec::new();
        while let Some(first) = self.by_time.first_entry()
            && *first.key() <= now
        {
            due.append(&mut first.remove());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delayed_items_come_out_when_they_are_due() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut waiting = DelayQueue::new(Clock::default());
        for (until, name) in [(at(2), "c"), (at(1), "a"), (at(1), "b"), (at(3), "d")] {
            waiting.add(until, name);
        }
        assert_eq!(waiting.times().collect::<Vec<_>>(), [at(1), at(2), at(3)]);
        assert!(waiting.take_due_at(now).is_empty());
        assert_eq!(waiting.take_due_at(at(2)), ["a", "b", "c"]);
        assert!(waiting.take_due_at(at(2)).is_empty());
        assert_eq!(waiting.take_due_at(at(9)), ["d"]);
    }
}
