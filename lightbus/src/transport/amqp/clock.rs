//! Finds out whether tokio's clock is paused.

use std::time::{Duration, Instant};

/// `Instant` may be coarse.
const TOLERANCE: Duration = Duration::from_micros(100);

/// Compares tokio's clock with the real one over a stretch of time.
///
/// A running tokio clock reads the real one, so its reading lies between two readings of the real clock around it. A paused
/// clock stands still or jumps.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockCheck {
    start: Reading,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    before: Instant,
    tokio: Instant,
    after: Instant,
}

impl ClockCheck {
    pub(super) fn start() -> Self {
        Self { start: Reading::now() }
    }

    /// Whether tokio's clock has diverged from the real one since the start.
    pub(super) fn is_paused(&self) -> bool {
        self.has_diverged(Reading::now())
    }

    fn has_diverged(&self, now: Reading) -> bool {
        let shortest = now.before.saturating_duration_since(self.start.after);
        let longest = now.after.saturating_duration_since(self.start.before);
        let elapsed = now.tokio.saturating_duration_since(self.start.tokio);
        elapsed + TOLERANCE < shortest || elapsed > longest + TOLERANCE
    }
}

impl Reading {
    fn now() -> Self {
        let before = Instant::now();
        let tokio = tokio::time::Instant::now().into_std();
        Self { before, tokio, after: Instant::now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reading after so much time on each clock.
    fn later(check: &ClockCheck, real: Duration, tokio: Duration) -> Reading {
        let Reading { before, tokio: start, after } = check.start;
        Reading { before: before + real, tokio: start + tokio, after: after + real }
    }

    #[test]
    fn a_running_clock_is_not_taken_for_a_paused_one() {
        let check = ClockCheck::start();
        for real in [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(30)] {
            assert!(!check.has_diverged(later(&check, real, real)));
        }
        assert!(!check.is_paused());
    }

    #[test]
    fn a_clock_that_stands_still_or_jumps_is_paused() {
        let check = ClockCheck::start();
        let millis = Duration::from_millis;
        for (real, tokio) in [(millis(3), Duration::ZERO), (millis(5), millis(30_000))] {
            assert!(check.has_diverged(later(&check, real, tokio)), "{real:?} {tokio:?}");
        }
    }
}
