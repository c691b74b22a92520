//! Remembers how many queues this process can consume under a limit of its user.
//!
//! A connection knows how many channels it may have. The broker's other limits show only when it closes the connection over one
//! channel too many. So the number of channels that worked is remembered, and further consumers fail alone instead of
//! costing the connection again and again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::runtime::sync::lock;
use crate::transport::amqp::errors::OperationError;

/// After how long another channel is tried. The limit may have been raised. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The limit that this process has run into, if any. All its sessions share it.
#[derive(Debug, Default)]
pub(crate) struct ChannelLimit {
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    /// How many consumers had their channels.
    consumers: usize,
    /// What the broker said.
    failure: OperationError,
    since: Instant,
    pause: Duration,
}

impl ChannelLimit {
    /// Whether one more consumer may open its channel, beside so many that have theirs.
    ///
    /// # Errors
    ///
    /// What the broker said when that was too many.
    pub(super) fn check(&self, consumers: usize, now: Instant) -> Result<(), OperationError> {
        match &*lock(&self.known) {
            Some(known) if consumers >= known.consumers && now < known.since + known.pause => {
                Err(OperationError::KnownLimit(known.failure.reason()))
            }
            _ => Ok(()),
        }
    }

    /// Remembers that one more channel was too many, beside so many consumers that have theirs.
    pub(super) fn reached(&self, consumers: usize, failure: &OperationError, now: Instant) {
        let mut known = lock(&self.known);
        let pause = known.as_ref().map_or(FIRST_PAUSE, |known| (known.pause * 2).min(LONGEST_PAUSE));
        *known = Some(Known { consumers, failure: failure.clone(), since: now, pause });
    }

    /// Notes that so many consumers have their channels.
    pub(super) fn opened(&self, consumers: usize) {
        let mut known = lock(&self.known);
        if known.as_ref().is_some_and(|known| consumers > known.consumers) {
            *known = None;
        }
    }
}

/// Counts the consumers of one session that have their channels.
#[derive(Debug, Default)]
pub(crate) struct ConsumerCount(AtomicUsize);

impl ConsumerCount {
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_until_its_pause_is_over_or_it_was_raised() {
        let (limit, now) = (ChannelLimit::default(), Instant::now());
        assert!(limit.check(5, now).is_ok());
        limit.reached(5, &OperationError::ChannelLimit(9), now);
        assert!(limit.check(4, now).is_ok());
        let refused = limit.check(5, now).unwrap_err();
        assert!(refused.is_limit() && refused.is_refusal() && refused.reason().contains('9'), "{refused:?}");
        assert!(limit.check(5, now + FIRST_PAUSE).is_ok());

        limit.reached(5, &OperationError::ChannelLimit(9), now + FIRST_PAUSE);
        assert!(limit.check(5, now + FIRST_PAUSE * 2).is_err(), "the next pause is longer");
        limit.opened(5);
        assert!(limit.check(5, now + FIRST_PAUSE).is_err());
        limit.opened(6);
        assert!(limit.check(6, now + FIRST_PAUSE).is_ok());
    }
}
