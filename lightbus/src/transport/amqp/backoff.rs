//! Delays between attempts.

use std::time::Duration;

use crate::transport::amqp::errors::whole_millis;

const FIRST: Duration = Duration::from_millis(100);

/// Processes should return soon to a broker that is back, and those of one company are too few to overload it.
const LONGEST: Duration = Duration::from_secs(5);

/// The longest delay after an attempt that succeeded for a short time.
const LONGEST_AFTER_SUCCESS: Duration = Duration::from_secs(2);

/// An attempt that lasted this long has succeeded for good. A later failure is a new one.
const SETTLED: Duration = Duration::from_secs(10);

/// Delays that double up to a limit. Each is shortened at random, so that processes that lost the same broker do not return at
/// the same time.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// Returns the delay before the next attempt.
    pub(super) fn delay(&mut self) -> Duration {
        self.delay_at(fastrand::f64())
    }

    /// Adapts to an attempt that succeeded, given how long the success lasted.
    pub(super) fn succeeded_for(&mut self, lasted: Duration) {
        self.next = if lasted >= SETTLED { FIRST } else { self.next.min(LONGEST_AFTER_SUCCESS) };
    }

    /// `chance` between 0 and 1 picks a delay between half of the current one and all of it.
    fn delay_at(&mut self, chance: f64) -> Duration {
        let delay = whole_millis(self.next.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0));
        self.next = (self.next * 2).min(LONGEST);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit() {
        let mut backoff = Backoff::new();
        let delays: Vec<u128> = (0..12).map(|_| backoff.delay_at(1.0).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000, 5000]);
    }

    #[test]
    fn jitter_takes_at_most_half() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.delay_at(0.0), FIRST / 2);
        assert_eq!(backoff.delay_at(0.5), FIRST * 2 * 3 / 4);
        for _ in 0..1000 {
            let delay = backoff.delay();
            assert!(delay >= FIRST && delay <= LONGEST, "{delay:?}");
        }
    }

    #[test]
    fn success_shortens_the_delay_and_lasting_success_resets_it() {
        let mut backoff = Backoff::new();
        for _ in 0..20 {
            backoff.delay();
        }
        backoff.succeeded_for(Duration::from_millis(1));
        assert_eq!(backoff.delay_at(1.0), LONGEST_AFTER_SUCCESS);
        backoff.succeeded_for(SETTLED);
        assert_eq!(backoff.delay_at(1.0), FIRST);
        backoff.succeeded_for(Duration::ZERO);
        assert_eq!(backoff.delay_at(1.0), FIRST * 2, "what fails again and again is tried less and less often");
    }
}
