//! What is counted while messages come and go.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::Instant;

use super::epoch::wall_clock;
use super::histogram::Buckets;
use super::snapshot::{LastFailure, MessageStats};
use super::{Histogram, Outcome};
use crate::runtime::sync::lock;

/// The counters of one method, one event or one subscription in one direction.
#[derive(Debug)]
pub(crate) struct Counters {
    since: Instant,
    outcomes: [AtomicU64; Outcome::ALL.len()],
    waiting: AtomicU64,
    in_flight: AtomicU64,
    /// `None` for what does not wait in line.
    waited: Option<Box<Buckets>>,
    lasted: Buckets,
    /// When the last message succeeded, in nanoseconds after `since`. Zero if none has.
    last_success: AtomicU64,
    last_failure: Mutex<Option<Failure>>,
}

#[derive(Debug)]
struct Failure {
    at: Instant,
    id: SmolStr,
    outcome: Outcome,
    error: Box<str>,
}

impl Counters {
    /// Counters of messages that this process sends.
    pub(crate) fn of_sent() -> Self {
        Self::new(None)
    }

    /// Counters of messages that reach this process.
    pub(crate) fn of_received() -> Self {
        Self::new(Some(Box::default()))
    }

    fn new(waited: Option<Box<Buckets>>) -> Self {
        Self {
            since: Instant::now(),
            outcomes: [const { AtomicU64::new(0) }; Outcome::ALL.len()],
            waiting: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            waited,
            lasted: Buckets::default(),
            last_success: AtomicU64::new(0),
            last_failure: Mutex::default(),
        }
    }

    /// A message waits in line.
    pub(crate) fn arrive(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// A message that waited in line leaves it, unhandled.
    pub(crate) fn leave(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// A message that waited in line is handled from now on.
    pub(crate) fn start_after(&self, waited: Duration) {
        self.leave();
        self.start();
        if let Some(buckets) = &self.waited {
            buckets.record(waited);
        }
    }

    /// A message is under way.
    pub(crate) fn start(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A message that was under way has ended.
    pub(crate) fn end(&self, started: Instant, ended: Instant, outcome: Outcome) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        self.lasted.record(ended.saturating_duration_since(started));
        if outcome.is_success() {
            let after = ended.saturating_duration_since(self.since).as_nanos();
            self.last_success.store(u64::try_from(after).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        }
    }

    /// Remembers why a message failed.
    pub(crate) fn fail(&self, at: Instant, id: SmolStr, outcome: Outcome, error: Box<str>) {
        let failure = Failure { at, id, outcome, error };
        let replaced = lock(&self.last_failure).replace(failure);
        drop(replaced);
    }

    pub(crate) fn snapshot(&self) -> MessageStats {
        let counts = self.outcomes.iter().map(|count| count.load(Ordering::Relaxed));
        let outcomes = Outcome::ALL.iter().copied().zip(counts).filter(|(_, count)| *count > 0).collect();
        let last_success = match self.last_success.load(Ordering::Relaxed) {
            0 => None,
            after => Some(wall_clock(self.since + Duration::from_nanos(after))),
        };
        MessageStats {
            outcomes,
            in_flight: self.in_flight.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            waited: self.waited.as_ref().map_or_else(Histogram::default, |buckets| buckets.snapshot()),
            lasted: self.lasted.snapshot(),
            last_success,
            last_failure: lock(&self.last_failure).as_ref().map(Failure::describe),
        }
    }
}

impl Failure {
    fn describe(&self) -> LastFailure {
        LastFailure {
            at: wall_clock(self.at),
            message_id: self.id.to_string(),
            outcome: self.outcome,
            error: self.error.to_string(),
        }
    }
}
