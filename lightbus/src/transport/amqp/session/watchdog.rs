//! When a silent connection counts as dead.
//!
//! Heartbeats tell in the end, but take twenty seconds. So the broker is asked something small again and again, and a
//! connection on which nothing is heard meanwhile is given up much sooner. What counts are looks, not seconds: a process
//! that was kept from looking has not listened either.

use std::time::Duration;

/// How often a connection may be found silent before it counts as dead.
const FEWEST_LOOKS: u32 = 4;

/// From here on the heartbeats, which notice each single byte, are the sooner ones.
const MOST_LOOKS: u32 = 32;

/// A session that stood this long has shown that the broker usually answers in time.
const PROVEN: Duration = Duration::from_secs(60);

/// What was found when a connection was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Observation {
    /// The broker has answered, or sent something else.
    Heard,
    /// It has not.
    Silent,
    /// It has said that it does not read what it is sent.
    Blocked,
}

/// Watches over one connection.
#[derive(Debug)]
pub(crate) struct Watchdog {
    patience: Patience,
    silent: u32,
}

impl Watchdog {
    pub(crate) const fn new(patience: Patience) -> Self {
        Self { patience, silent: 0 }
    }

    /// Takes a look into account. `true` when the connection counts as dead.
    pub(crate) fn look(&mut self, look: Observation) -> bool {
        self.silent = if look == Observation::Silent { self.silent + 1 } else { 0 };
        self.silent >= self.patience.looks
    }
}

/// How many silent looks are borne. A broker behind a slow line may be busy with one long message for as long, and would
/// be given up over the same message again and again; so each time, the next session bears more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    looks: u32,
}

impl Patience {
    pub(crate) const fn new() -> Self {
        Self { looks: FEWEST_LOOKS }
    }

    /// Takes into account how long a session stood, and whether it was given up for its silence.
    pub(crate) fn learn(&mut self, stood: Duration, silent: bool) {
        if stood >= PROVEN {
            self.looks = FEWEST_LOOKS;
        }
        if silent {
            self.looks = (self.looks * 2).min(MOST_LOOKS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many silent looks a connection counts as dead.
    fn looks(patience: Patience) -> usize {
        let mut watchdog = Watchdog::new(patience);
        (1..).find(|_| watchdog.look(Observation::Silent)).unwrap_or_default()
    }

    #[test]
    fn only_silence_without_a_break_counts() {
        let mut watchdog = Watchdog::new(Patience::new());
        for other in [Observation::Heard, Observation::Blocked] {
            for _ in 1..FEWEST_LOOKS {
                assert!(!watchdog.look(Observation::Silent));
            }
            assert!(!watchdog.look(other));
        }
        for _ in 1..FEWEST_LOOKS {
            assert!(!watchdog.look(Observation::Silent));
        }
        assert!(watchdog.look(Observation::Silent));
    }

    #[test]
    fn a_broker_that_says_it_does_not_read_is_waited_for() {
        let mut watchdog = Watchdog::new(Patience::new());
        assert!((0..1000).all(|_| !watchdog.look(Observation::Blocked)));
    }

    #[test]
    fn who_was_given_up_for_silence_is_given_more_time() {
        let mut patience = Patience::new();
        let mut grown = Vec::new();
        for _ in 0..5 {
            grown.push(looks(patience));
            patience.learn(Duration::ZERO, true);
        }
        assert_eq!(grown, [4, 8, 16, 32, 32]);
        patience.learn(Duration::from_secs(1), false);
        assert_eq!(looks(patience), 32, "a short life proves nothing");
        patience.learn(PROVEN, false);
        assert_eq!(looks(patience), 4);
        patience.learn(PROVEN, true);
        patience.learn(PROVEN, true);
        assert_eq!(looks(patience), 8, "silence once in a while is not the old trouble");
    }
}
