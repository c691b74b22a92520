//! When a silent connection counts as dead.
//!
//! Heartbeats find that out, but take twenty seconds. So the broker is queried regularly, and a connection on which nothing is
//! heard meanwhile is given up much sooner. Checks count, not seconds: a process that could not check has not listened
//! either.

use std::time::Duration;

/// After how many silent checks a connection counts as dead, at least.
const FEWEST_CHECKS: u32 = 4;

/// With more checks than this the heartbeats, which notice every byte, are faster.
const MOST_CHECKS: u32 = 32;

/// A session that lasted this long has shown that the broker usually answers in time.
const PROVEN: Duration = Duration::from_secs(60);

/// The result of one check of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Observation {
    /// The broker has answered, or sent something else.
    Heard,
    /// Nothing was heard.
    Silent,
    /// The broker has blocked the connection.
    Blocked,
    /// This process has not sent its query or not read what has arrived.
    Behind,
}

/// Watches over one connection.
#[derive(Debug)]
pub(crate) struct Watchdog {
    limit: SilenceLimit,
    silent: u32,
}

impl Watchdog {
    pub(crate) const fn new(limit: SilenceLimit) -> Self {
        Self { limit, silent: 0 }
    }

    /// Counts a check. Returns `true` when the connection counts as dead.
    pub(crate) fn observe(&mut self, observation: Observation) -> bool {
        self.silent = if observation == Observation::Silent { self.silent + 1 } else { 0 };
        self.silent >= self.limit.checks
    }
}

/// How many silent checks are tolerated.
///
/// A broker behind a slow line may be busy with one long message for that long, and would be given up over the same message
/// again and again. So each time, the next session tolerates more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SilenceLimit {
    checks: u32,
}

impl SilenceLimit {
    pub(crate) const fn new() -> Self {
        Self { checks: FEWEST_CHECKS }
    }

    /// Adapts to how long a session lasted, and whether it was given up because of silence.
    pub(crate) fn adapt(&mut self, lasted: Duration, silent: bool) {
        if lasted >= PROVEN {
            self.checks = FEWEST_CHECKS;
        }
        if silent {
            self.checks = (self.checks * 2).min(MOST_CHECKS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the silent checks after which a connection counts as dead.
    fn checks(limit: SilenceLimit) -> usize {
        let mut watchdog = Watchdog::new(limit);
        (1..).find(|_| watchdog.observe(Observation::Silent)).unwrap_or_default()
    }

    #[test]
    fn only_uninterrupted_silence_counts() {
        let mut watchdog = Watchdog::new(SilenceLimit::new());
        for other in [Observation::Heard, Observation::Blocked, Observation::Behind] {
            for _ in 1..FEWEST_CHECKS {
                assert!(!watchdog.observe(Observation::Silent));
            }
            assert!(!watchdog.observe(other));
        }
        for _ in 1..FEWEST_CHECKS {
            assert!(!watchdog.observe(Observation::Silent));
        }
        assert!(watchdog.observe(Observation::Silent));
    }

    #[test]
    fn a_blocked_connection_never_counts_as_dead() {
        let mut watchdog = Watchdog::new(SilenceLimit::new());
        assert!((0..1000).all(|_| !watchdog.observe(Observation::Blocked)));
    }

    #[test]
    fn a_session_that_was_given_up_for_silence_raises_the_limit() {
        let mut limit = SilenceLimit::new();
        let mut raised = Vec::new();
        for _ in 0..5 {
            raised.push(checks(limit));
            limit.adapt(Duration::ZERO, true);
        }
        assert_eq!(raised, [4, 8, 16, 32, 32]);
        limit.adapt(Duration::from_secs(1), false);
        assert_eq!(checks(limit), 32, "a short session proves nothing");
        limit.adapt(PROVEN, false);
        assert_eq!(checks(limit), 4);
        limit.adapt(PROVEN, true);
        limit.adapt(PROVEN, true);
        assert_eq!(checks(limit), 8, "occasional silence does not add up");
    }
}
