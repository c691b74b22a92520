//! The time on a bus in memory.

#[cfg(feature = "testing")]
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

#[cfg(feature = "testing")]
use crate::runtime::sync::lock;

/// The time on a bus in memory. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub(super) enum Clock {
    /// That of the runtime.
    #[default]
    Runtime,
    /// It stands still until a test moves it.
    #[cfg(feature = "testing")]
    Stopped(Arc<Mutex<Instant>>),
}

impl Clock {
    #[cfg(feature = "testing")]
    pub(super) fn stopped() -> Self {
        Self::Stopped(Arc::new(Mutex::new(Instant::now())))
    }

    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Runtime => Instant::now(),
            #[cfg(feature = "testing")]
            Self::Stopped(now) => *lock(now),
        }
    }

    /// Whether time passes by itself.
    pub(super) fn runs(&self) -> bool {
        matches!(self, Self::Runtime)
    }

    /// Moves a stopped clock forward.
    #[cfg(feature = "testing")]
    pub(super) fn move_to(&self, time: Instant) {
        if let Self::Stopped(now) = self {
            let mut now = lock(now);
            *now = time.max(*now);
        }
    }
}
